"""A platform whose programs reach every dependency through a proxy of their own.

with Detours(platform) as detours:
    operator = Program("operator", detours.environment("registry"), log)
    detours.kafka.black_hole()
    detours.api.answer(HttpFault(status=503))
"""

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from local.platform import Platform

from .faultproxy import HOST, FaultProxy
from .httpfaults import HttpFaults


class Detours:
    """Proxies before one platform that was made with `detour=True`; tests themselves go the straight way.

    Attributes:
        postgres, kafka, redis: bytes are passed on, held, delayed, cut.
        cluster: the same for the connections to the API server.
        api: stands behind `cluster` and answers in place of the API server.
    """

    def __init__(self, platform: Platform, seed: int = 0) -> None:
        assert platform.detour is not None, "a platform with detour=True is needed"
        behind, front = platform.detour
        self._platform = platform
        self._straight = platform.environment("")
        self.postgres = FaultProxy(int(self._straight["DBHOST"].rpartition(":")[2]))
        self.redis = FaultProxy(int(self._straight["REDIS_PORT"]))
        self.kafka = FaultProxy(behind, front)
        server = json.loads(platform.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        self.api = HttpFaults(int(server.rpartition(":")[2]), platform.certificates, seed)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.api)
            self.cluster = FaultProxy(self.api.port)
            for proxy in self.tcp.values():
                stack.enter_context(proxy)
            self._stack = stack.pop_all()
        self._write_kubeconfig()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def tcp(self) -> dict[str, FaultProxy]:
        """The proxies by the name of the dependency."""
        return {
            "postgres": self.postgres,
            "kafka": self.kafka,
            "redis": self.redis,
            "kube-apiserver": self.cluster,
        }

    @property
    def kubeconfig(self) -> Path:
        """The administrator's credentials, by way of the proxies."""
        return self._platform.kubeconfig.with_name(f"kubeconfig-{self.cluster.port}")

    def environment(self, database: str) -> dict[str, str]:
        """The variables with which programs use the platform by way of the proxies."""
        return self._platform.environment(database) | {
            "KUBECONFIG": str(self.kubeconfig),
            "DBHOST": f"{HOST}:{self.postgres.port}",
            "KAFKA_PORT": str(self.kafka.port),
            "REDIS_PORT": str(self.redis.port),
        }

    def heal(self) -> None:
        """Let everything pass again."""
        for proxy in self.tcp.values():
            proxy.heal()
        self.api.heal()

    def _write_kubeconfig(self) -> None:
        config = json.loads(self._platform.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://{HOST}:{self.cluster.port}"
        self.kubeconfig.write_text(json.dumps(config))
        self.kubeconfig.chmod(0o600)
