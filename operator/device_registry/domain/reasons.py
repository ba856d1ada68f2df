"""The one vocabulary of reasons: conditions, Events, metrics, log lines and REST errors all use these words.

`docs/` is checked against this table by a test, so a reason that is added here must be explained there.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a resource is in the state that it is in. The comment is the sentence for people."""

    # What went well.
    REGISTERED = "Registered"
    """The registry holds the row for this generation."""
    RESOLVED = "Resolved"
    """Every template that the device names is registered."""
    STORED = "Stored"
    """Every key that the device refers to is stored, encrypted."""
    ACKNOWLEDGED = "Acknowledged"
    """Kafka has acknowledged the event of this generation."""
    PROPAGATED = "Propagated"
    """Every device of the template shows this revision."""

    REMOVED = "Removed"
    """The row is gone and the world was told."""
    RETAINED = "Retained"
    """The resource is gone and its row stays, unclaimed."""

    # What waits for something that will come by itself or through another resource.
    PENDING = "Pending"
    """The event is in the outbox and will be sent."""
    IN_PROGRESS = "InProgress"
    """Devices of the template are being rendered again."""
    TEMPLATE_NOT_FOUND = "TemplateNotFound"
    """A template that the device names is not there (yet)."""
    TEMPLATE_TERMINATING = "TemplateTerminating"
    """A template that the device names is being deleted."""
    REGISTRY_UNAVAILABLE = "RegistryUnavailable"
    """Postgres does not answer; the change waits."""
    BROKER_UNAVAILABLE = "BrokerUnavailable"
    """Kafka does not answer; the event waits in the outbox."""
    CLUSTER_UNAVAILABLE = "ClusterUnavailable"
    """The Kubernetes API server does not answer; what is to be written there waits."""
    PRESENCE_UNAVAILABLE = "PresenceUnavailable"
    """Redis does not answer; who is online is not known meanwhile, and nothing of it is lost."""
    OPERATOR_UNAVAILABLE = "OperatorUnavailable"
    """No operator is at work; writes over REST are refused until one is."""
    KEYS_UNAVAILABLE = "KeysUnavailable"
    """The keys that tokens are verified with cannot be fetched; requests are refused until they can."""
    QUARANTINED = "Quarantined"
    """Kafka can never take the event (it is too large); it was put aside and the later ones flow."""
    IN_USE = "InUse"
    """Devices still use the template; its deletion waits for them."""

    DELETION_HELD = "DeletionHeld"
    """More devices of the tenant are being deleted than its budget allows; the rest waits for permission."""
    PAUSED = "Paused"
    """Somebody paused the resource or the operator; only deletion goes on."""
    OVERRIDES_UNUSED = "OverridesUnused"
    """No attribute of the templates takes some of the overrides."""
    DRIFTED = "Drifted"
    """The row was changed or deleted behind our back and is not repaired yet."""

    # What a person must change.
    INVALID_SPEC = "InvalidSpec"
    """The resource asks for something that the rules refuse."""
    ATTRIBUTE_CONFLICT = "AttributeConflict"
    """Two templates of the device declare the same attribute."""
    IDENTITY_CONFLICT = "IdentityConflict"
    """An older resource declares the same id."""
    ALREADY_EXISTS = "AlreadyExists"
    """An unclaimed row has this id and the adoption policy forbids to take it."""
    TENANT_CONFLICT = "TenantConflict"
    """Another namespace stands for the tenant."""
    DECLARED_ELSEWHERE = "DeclaredElsewhere"
    """kubectl or a GitOps tool declares the resource or the field that REST was to change."""
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105
    """A Secret that the device refers to is not there."""
    KEY_NOT_FOUND = "KeyNotFound"
    """The Secret has no such key."""
    INVALID_KEY = "InvalidKey"
    """The key in the Secret is not hexadecimal or too long."""
    NO_SUCH_ATTRIBUTE = "NoSuchAttribute"
    """No psk attribute of the device has the name that a credential is for."""
    NOT_ENCRYPTED = "NotEncrypted"
    """The operator has no password to encrypt keys with (DEV_MNGR_CRYPTO_PASS), so it stores none."""

    @property
    def stalled(self) -> bool:
        """Whether nothing will change until somebody edits this resource or one that it refers to."""
        return self in _STALLED


_STALLED = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.ATTRIBUTE_CONFLICT,
        Reason.IDENTITY_CONFLICT,
        Reason.ALREADY_EXISTS,
        Reason.TENANT_CONFLICT,
        Reason.DECLARED_ELSEWHERE,
        Reason.SECRET_NOT_FOUND,
        Reason.KEY_NOT_FOUND,
        Reason.INVALID_KEY,
        Reason.NO_SUCH_ATTRIBUTE,
        Reason.NOT_ENCRYPTED,
    }
)
