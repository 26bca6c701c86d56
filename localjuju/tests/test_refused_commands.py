"""Every command of Juju is supported or refused with a reason. Unknown names get Juju's error."""

from __future__ import annotations

import jubilant
import pytest

from conftest import error_of
from localjuju import LocalJuju
from localjuju.refused_commands import KUBERNETES_COMMANDS, REFUSED

# The list of `juju help commands`: Juju 4 (cmd/juju/commands/main_test.go), then only in 3.6.
JUJU_COMMANDS = """
actions add-cloud add-credential add-k8s add-machine add-model add-secret-backend add-secret
add-space add-ssh-key add-storage add-unit add-user attach-resource attach-storage
autoload-credentials bind bootstrap cancel-task change-user-password charm-resources clouds config
constraints consume controller-config controllers create-backup create-storage-pool credentials
dashboard debug-code debug-hook debug-hooks debug-log default-credential default-region deploy
destroy-controller destroy-model detach-storage diff-bundle disable-command disable-user
disabled-commands documentation download-backup download enable-command enable-destroy-controller
enable-ha enable-user exec export-bundle expose find-offers find firewall-rules grant-cloud
grant-secret grant help help-action-commands help-hook-commands import-filesystem import-ssh-key
info integrate kill-controller list-actions list-charm-resources list-clouds list-controllers
list-credentials list-disabled-commands list-firewall-rules list-machines list-models list-offers
list-operations list-regions list-resources list-secret-backends list-secrets list-spaces
list-ssh-keys list-storage-pools list-storage list-subnets list-users login logout machines migrate
model-config model-constraints model-default model-defaults model-secret-backend models
move-to-space offer offers operations refresh regions register relate reload-spaces
remove-application remove-cloud remove-credential remove-k8s remove-machine remove-offer
remove-relation remove-saas remove-secret-backend remove-secret remove-space remove-ssh-key
remove-storage-pool remove-storage remove-unit remove-user rename-space resolve resolved resources
resume-relation retry-provisioning revoke-cloud revoke-secret revoke run scale-application scp
secret-backends secrets set-constraints set-credential set-default-credentials set-default-region
set-firewall-rule set-model-constraints show-action show-application show-cloud show-controller
show-credential show-credentials show-machine show-model show-offer show-operation
show-secret-backend show-secret show-space show-status-log show-storage show-task show-unit
show-user spaces ssh-keys ssh status storage-pools storage subnets suspend-relation switch
sync-agent-binary trust unexpose unregister update-cloud update-credential update-credentials
update-k8s update-public-clouds update-secret-backend update-secret update-storage-pool
upgrade-controller upgrade-model users version whoami

agree agreements collect-metrics list-agreements list-payloads metrics payloads
set-application-base set-meter-status upgrade-machine wait-for
"""


def test_every_command_is_supported_or_refused(juju: LocalJuju) -> None:
    supported = juju._commands.supported_commands(juju._runner)
    assert set(JUJU_COMMANDS.split()) - supported - {*REFUSED, *KUBERNETES_COMMANDS} == set()


def test_refusal_names_the_command_and_the_reason(juju: LocalJuju) -> None:
    message = error_of(juju, "bootstrap", "localhost").stderr
    assert message == (
        'ERROR "juju bootstrap" is not supported: localjuju has one controller, which starts '
        "and ends with it\n"
    )
    with pytest.raises(jubilant.CLIError, match="no credentials"):
        juju.add_credential("localhost", {}, client=True)


def test_refusal_needs_no_model(juju: LocalJuju) -> None:
    juju.destroy_model("local")
    assert "one cloud, this computer" in error_of(juju, "add-cloud").stderr
    assert "No model in focus" in error_of(juju, "status").stderr


def test_unknown_command_gets_jujus_error(juju: LocalJuju) -> None:
    failure = error_of(juju, "stats")
    assert failure.stderr == (
        'ERROR juju: "stats" is not a juju command. See "juju --help".\n\n'
        "Did you mean:\n\tstatus\n"
    )
    failure = error_of(juju, "qqqqqqqqqqqqqqqqqqqqqqqq")
    assert failure.returncode == 2
    assert "unrecognized command: qqqqqqqqqqqqqqqqqqqqqqqq" in failure.stderr
