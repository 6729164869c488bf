/* The part of the contract suite that is in contract_history.c. */
#ifndef PINDISPATCH_TEST_STORE_CONTRACT_H
#define PINDISPATCH_TEST_STORE_CONTRACT_H

void sweep_expires_and_forgets(void **state);
void doubt_ends_with_retention(void **state);
void a_body_that_another_delivery_needs_is_kept(void **state);
void what_is_over_is_forgotten_after_retention(void **state);
void a_clock_that_went_back_does_not_delay(void **state);
void anchors_are_kept_and_a_walk_goes_in_steps(void **state);
void every_change_has_its_audit_row(void **state);
void abort_undoes_all_of_it(void **state);
void ids_grow_over_a_clock_that_goes_back(void **state);
void what_was_committed_survives(void **state);
void a_second_owner_is_refused(void **state);
void tidying_is_asked_for_after_erasing_only(void **state);
void many_are_as_good_as_few(void **state);

#endif
