"""`device-manager status`: how the fleet is."""

from device_manager.options import NamespacesOption, OutputOption, TenantsOption
from device_manager.terminal import Output


def run(
    tenant: TenantsOption = None, namespace: NamespacesOption = None, output: OutputOption = Output.TABLE
) -> None:
    """Show the fleet by namespace and tenant: what is ready, what is not and why, outbox and leader.

    Resources are counted in the cluster, rows in the registry. When one of the two does not answer, the
    other is shown all the same, and the exit code is 3.
    """
    from device_manager.actions import status

    status.run(tenant, namespace, output)
