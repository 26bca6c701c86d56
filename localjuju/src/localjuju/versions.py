"""Where Juju versions differ: one table, which everything else asks.

Q1 to Q7 are the differences seen on real controllers of Juju 3.6.28 and 4.0.15 running the same
scenario.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What a Juju version does where it differs from another."""

    version: str
    """What ``JUJU_VERSION`` and the status say."""

    explicit_endpoint_wins: bool
    """Q1: an explicit endpoint is preferred to the implicit ``juju-info``."""

    container_scope_hides_other_machines: bool
    """Q2: a container-scoped relation shows a unit only what is on its own machine."""

    subordinate_sees_own_principal_only: bool
    """Q3: a subordinate unit takes part only in relations to its own principal's application.

    Where it takes part in others too, what it writes in their relation-created fails (Q4).
    """

    peers_see_removed_unit_depart: bool
    """Q5: the peers of a removed unit get relation-departed, and it leaves relation-list."""

    peer_relation_breaks_with_application: bool
    """Q6: the removal of an application ends its peer relation with relation-broken."""

    legacy_leader_settings_and_private_address: bool
    """Q7: followers get leader-settings-changed; unit bags hold ``private-address``."""

    departure_is_seen_at_once: bool
    """Others see a dying unit depart at once, not only after its own relation-broken."""

    secret_remove_names_model: bool
    """secret-remove gives the secret's id as ``secret://<model-uuid>/<id>``."""

    subordinates_take_units: bool
    """``juju add-unit`` of a subordinate makes a unit on a machine of its own."""

    actions_take_undeclared_parameters: bool
    """An action that does not declare ``additionalProperties`` takes any parameter."""

    unit_judges_parameters: bool
    """A unit's agent judges an action's parameters, not the controller before it schedules it."""

    actions_get_objects_as_text: bool
    """A parameter that is an object arrives as Go writes it: ``map[x:5]``."""

    config_is_read_from_yaml: bool
    """``juju config --file`` works."""

    show_unit_shows_own_application_data: bool
    """``juju show-unit`` prints the unit's own application databag, not the remote one's."""

    errors_in_words_of_3_6: bool
    """The ``juju`` command words its errors as Juju 3.6 does, otherwise as 4.0 does."""

    word_for_storage_directive: str
    """What messages call the ``ebs,2,10G`` of ``juju deploy --storage data=ebs,2,10G``."""

    juju_info_is_declared: bool
    """Every charm has the endpoint ``juju-info`` as if its charmcraft.yaml declared it."""

    status_of_some_hides_relations_to_others: bool
    """``juju status APPLICATION`` leaves out relations to applications that it leaves out."""

    status_shows_users_of_offers: bool
    """``juju status`` names the applications of other models that are related to one."""

    status_shows_every_life: bool
    """``juju status`` prints an application's life when it is alive too."""

    status_shows_sla: bool
    """``juju status`` says that the model's service level is ``unsupported``."""


BEHAVIOURS = {
    "3.6": Behaviour(
        version="3.6.28",
        explicit_endpoint_wins=True,
        container_scope_hides_other_machines=True,
        subordinate_sees_own_principal_only=True,
        peers_see_removed_unit_depart=True,
        peer_relation_breaks_with_application=True,
        legacy_leader_settings_and_private_address=True,
        departure_is_seen_at_once=True,
        secret_remove_names_model=False,
        subordinates_take_units=False,
        actions_take_undeclared_parameters=True,
        unit_judges_parameters=False,
        actions_get_objects_as_text=False,
        config_is_read_from_yaml=True,
        show_unit_shows_own_application_data=False,
        errors_in_words_of_3_6=True,
        word_for_storage_directive="constraint",
        juju_info_is_declared=False,
        status_of_some_hides_relations_to_others=False,
        status_shows_users_of_offers=False,
        status_shows_every_life=False,
        status_shows_sla=True,
    ),
    "4.0": Behaviour(
        version="4.0.15",
        explicit_endpoint_wins=False,
        container_scope_hides_other_machines=False,
        subordinate_sees_own_principal_only=False,
        peers_see_removed_unit_depart=False,
        peer_relation_breaks_with_application=False,
        legacy_leader_settings_and_private_address=False,
        departure_is_seen_at_once=False,
        secret_remove_names_model=True,
        subordinates_take_units=True,
        actions_take_undeclared_parameters=False,
        unit_judges_parameters=True,
        actions_get_objects_as_text=True,
        config_is_read_from_yaml=False,
        show_unit_shows_own_application_data=True,
        errors_in_words_of_3_6=False,
        word_for_storage_directive="directive",
        juju_info_is_declared=True,
        status_of_some_hides_relations_to_others=True,
        status_shows_users_of_offers=True,
        status_shows_every_life=True,
        status_shows_sla=False,
    ),
}


def behaviour(juju: str) -> Behaviour:
    """Return how the Juju series ``juju`` behaves.

    Raises:
        ValueError: the series is not known here.
    """
    try:
        return BEHAVIOURS[juju]
    except KeyError:
        known = ", ".join(BEHAVIOURS)
        raise ValueError(f"unknown Juju series {juju!r}: localjuju knows {known}") from None
