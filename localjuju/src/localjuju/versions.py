"""The differences between Juju versions, in one table.

Q1 to Q7 are differences between real controllers of Juju 3.6.28 and 4.0.15 that ran the same
scenario.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """The behaviour of a Juju version, as far as it differs from another version."""

    version: str
    """The version in ``JUJU_VERSION`` and in the status."""

    explicit_endpoint_wins: bool
    """Q1: ``juju integrate`` prefers an explicit endpoint to the implicit ``juju-info``."""

    container_scope_hides_other_machines: bool
    """Q2: in a container-scoped relation a unit sees only units on its own machine."""

    subordinate_sees_own_principal_only: bool
    """Q3: a subordinate unit takes part only in relations to its own principal's application.

    Otherwise it takes part in other relations too, and a write in their relation-created fails
    (Q4).
    """

    peers_see_removed_unit_depart: bool
    """Q5: the peers of a removed unit get relation-departed, and it leaves relation-list."""

    peer_relation_breaks_with_application: bool
    """Q6: the removal of an application ends its peer relation with relation-broken."""

    legacy_leader_settings_and_private_address: bool
    """Q7: followers run leader-settings-changed; unit databags contain ``private-address``."""

    departure_is_seen_at_once: bool
    """Other units see a dying unit depart at once. Otherwise after its own relation-broken."""

    secret_remove_names_model: bool
    """In secret-remove, the id of the secret is ``secret://<model-uuid>/<id>``."""

    add_unit_accepts_subordinates: bool
    """``juju add-unit`` of a subordinate adds a unit on its own machine."""

    actions_accept_undeclared_parameters: bool
    """An action that does not declare ``additionalProperties`` accepts any parameter."""

    agent_validates_parameters: bool
    """The unit's agent validates the parameters of an action. Otherwise the controller does."""

    actions_get_objects_as_text: bool
    """A parameter that is an object becomes a text in Go's notation: ``map[x:5]``."""

    config_is_read_from_yaml: bool
    """``juju config --file`` works."""

    show_unit_shows_own_application_data: bool
    """``juju show-unit`` prints the unit's own application databag, not the remote one's."""

    errors_use_3_6_wording: bool
    """The ``juju`` command prints the error messages of Juju 3.6. Otherwise those of 4.0."""

    word_for_storage_directive: str
    """The word in messages for the ``ebs,2,10G`` of ``juju deploy --storage data=ebs,2,10G``."""

    juju_info_is_declared: bool
    """Every charm has the endpoint ``juju-info`` as if its charmcraft.yaml declared it."""

    filtered_status_hides_other_relations: bool
    """``juju status APPLICATION`` omits relations to applications that it does not show."""

    status_shows_users_of_offers: bool
    """``juju status`` shows the applications of other models that use an offer."""

    status_shows_every_life: bool
    """``juju status`` prints an application's life even if it is alive."""

    status_shows_sla: bool
    """``juju status`` prints ``unsupported`` as the model's service level."""


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
        add_unit_accepts_subordinates=False,
        actions_accept_undeclared_parameters=True,
        agent_validates_parameters=False,
        actions_get_objects_as_text=False,
        config_is_read_from_yaml=True,
        show_unit_shows_own_application_data=False,
        errors_use_3_6_wording=True,
        word_for_storage_directive="constraint",
        juju_info_is_declared=False,
        filtered_status_hides_other_relations=False,
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
        add_unit_accepts_subordinates=True,
        actions_accept_undeclared_parameters=False,
        agent_validates_parameters=True,
        actions_get_objects_as_text=True,
        config_is_read_from_yaml=False,
        show_unit_shows_own_application_data=True,
        errors_use_3_6_wording=False,
        word_for_storage_directive="directive",
        juju_info_is_declared=True,
        filtered_status_hides_other_relations=True,
        status_shows_users_of_offers=True,
        status_shows_every_life=True,
        status_shows_sla=False,
    ),
}


def behaviour(juju: str) -> Behaviour:
    """Return the behaviour of a Juju series.

    Raises:
        ValueError: localjuju does not know the series.
    """
    try:
        return BEHAVIOURS[juju]
    except KeyError:
        known = ", ".join(BEHAVIOURS)
        raise ValueError(f"unknown Juju series {juju!r}: localjuju knows {known}") from None
