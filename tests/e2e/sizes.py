"""`make test` runs every proof at its smallest honest size; PROOF=full (`make proof`) at the sizes that are published."""

import os

FULL = os.environ.get("PROOF") == "full"

# What `make test` also runs through SSH: each kind of proof, at the playbooks that do most.
SSH_SAMPLE = (
    "test_is_one_sentence_and_changes_nothing[ssh-wrong token]",
    "test_is_one_sentence_and_changes_nothing[ssh-seven]",
    "test_is_one_sentence_and_changes_nothing[ssh-missing directory]",
    "test_preview_run_and_second_run[ssh-scale_app]",
    "test_preview_run_and_second_run[ssh-respond]",
    "test_preview_run_and_second_run[ssh-scale_down]",
    "test_what_was_changed_by_hand_since_is_named",
    "test_the_token_is_nowhere[ssh--vvv]",
    "test_no_request_fails_while_the_platform_scales",
    "test_killed_scale_app_converges_when_run_again[ssh-1.5]",
    "test_respond_beside_the_shell_baseline",
    "test_nothing_to_do_costs",
    "test_assess_takes",
)


# Minutes each, or a case of what another one shows; the decisions are held by unit tests at every size.
FULL_ONLY = (
    "test_a_stage_after_which_load_rises_is_taken_back",
    "test_a_clock_that_was_put_right_holds_up_nobody",
    "test_a_disk_that_gets_full_stops_a_run_which_goes_on_when_there_is_room",
    "test_compose_up_by_hand_loses_nothing[local-with more replicas]",
    "test_what_cannot_go_back_yet_is_renewed_and_told_once[local-without metrics]",
)


def in_sample(name: str) -> bool:
    """Does a test run at this size?"""
    return FULL or (not name.startswith(FULL_ONLY) and ("[ssh" not in name or name.startswith(SSH_SAMPLE)))
