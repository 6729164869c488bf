"""What a CUPS server still knows when it lost what it keeps beside the spool: all that a letter depends on. And what is
said of letters whose spool was lost."""

import unittest

import cups_relay
from dispatcher import canary, card_event, wait_until
from test_print import PrintTest


class LostCache(PrintTest):
    """The advised place for CacheDir is memory, which a machine that loses power forgets."""

    def lose(self):
        self.cups.stop(hard=True)
        self.cups.lose_cache()
        self.cups.start()

    def test_letters_that_ended_unseen(self):
        self.dispatcher.start()
        seen = self.submit(*(card_event(f"s{n}", canary(6)) for n in range(4)))
        self.wait_delivered(seen)
        (unseen,) = self.begin_slowly(2, card_event("unseen", canary(6)))
        self.dispatcher.kill()
        wait_until(lambda: not self.cups.jobs(), "its end")
        self.lose()
        self.dispatcher.start()
        self.assertEqual(self.dispatcher.wait_state(unseen, "delivered")["outcome"]["code"], "printed")
        self.assert_each_printed_once([*seen, unseen])

    def test_letters_that_wait(self):
        self.dispatcher.start()
        first, *others = self.begin_slowly(2, *(card_event(f"w{n}", canary(6)) for n in range(6)))
        self.dispatcher.kill()
        self.lose()
        self.cups.fault()
        self.dispatcher.start()
        self.wait_delivered([first, *others])
        self.assert_each_printed_once(others)
        self.assertIn(self.prints_of(first), ([1], [2]))  # it was being printed: as far as the first one came


class LostSpool(PrintTest):
    """The advised place for the spool is memory, too. A server that lost it gives the same numbers to other jobs."""

    def lose(self):
        self.cups.stop(hard=True)
        self.cups.lose_spool()
        self.cups.fault()
        self.cups.start()

    def relayed(self):
        """A dispatcher whose server loses what `lose_next` says."""
        relay = self.dir / "relay.sock"
        cups_relay.Relay(self.cups.server, relay, self.dir / "lose")
        self.dispatcher = self.make_dispatcher(print={"server": relay})

    def lose_next(self, words):
        (self.dir / "lose").write_text(words)

    def interrupted(self, event, words):
        """A letter whose request is lost as WORDS say, with its held job; its dispatcher is gone."""
        self.relayed()
        self.dispatcher.start()
        self.lose_next(words)
        (delivery,) = self.submit(event)
        wait_until(lambda: not (self.dir / "lose").exists(), "the loss")
        self.dispatcher.kill()
        self.assertEqual(self.cups.jobs(), ["pin-1"])
        return delivery

    def assert_in_doubt(self, delivery):
        outcome = self.dispatcher.wait_state(delivery, "in-doubt")["outcome"]
        self.assertEqual(outcome["code"], "history-gone")
        self.assertEqual(outcome["evidence"]["job_uuid"], f"urn:uuid:{delivery}")
        return outcome["evidence"]["job_id"]

    def begin_four(self):
        self.dispatcher.start()
        deliveries = self.begin_slowly(2, *(card_event(f"r{n}", canary(6)) for n in range(4)))
        for delivery in deliveries:
            self.dispatcher.wait_state(delivery, "spooled")
        return deliveries

    def assert_lost(self, deliveries):
        self.assertEqual(sorted(self.assert_in_doubt(delivery) for delivery in deliveries), [1, 2, 3, 4])
        self.assertEqual(sum(self.prints_of(*deliveries)[1:]), 0)
        self.assertIn(self.prints_of(deliveries[0]), ([0], [1]))  # as far as it came

    def test_released_letters_after_a_power_cut(self):
        lost = self.begin_four()
        self.dispatcher.kill()
        self.lose()
        for _ in lost:
            self.cups.print_other()
        wait_until(lambda: not self.cups.jobs(), "others' jobs to be printed")
        self.dispatcher.start()
        self.assert_lost(lost)

    def test_released_letters_of_a_server_elsewhere(self):
        lost = self.begin_four()
        self.lose()
        new = self.submit(*(card_event(f"n{n}", canary(6)) for n in range(4)))
        self.wait_delivered(new)
        numbers = {self.dispatcher.show(delivery)["outcome"]["evidence"]["job_id"] for delivery in new}
        self.assertEqual(numbers, {1, 2, 3, 4})
        self.assert_each_printed_once(new)
        self.assert_lost(lost)

    def test_letter_that_was_not_to_be_released_yet_is_made_anew(self):
        delivery = self.interrupted(card_event("1", canary(6)), "0x0006\n0x0008 early")  # Send-Document, Cancel-Job
        self.lose()
        self.dispatcher.start()
        shown = self.dispatcher.wait_state(delivery, "delivered")
        self.assertEqual((shown["outcome"]["code"], shown["outcome"]["evidence"]["job_id"]), ("printed", 1))
        self.assert_each_printed_once([delivery])

    def test_another_job_under_the_number_is_left_alone(self):
        delivery = self.interrupted(card_event("1", canary(6)), "0x000d early")  # Release-Job
        self.lose()
        self.cups.print_other(held=True)
        self.dispatcher.start()
        self.assertEqual(self.assert_in_doubt(delivery), 1)
        self.assertEqual((self.cups.jobs(), self.cups.printed()), (["pin-1"], []))


if __name__ == "__main__":
    unittest.main()
