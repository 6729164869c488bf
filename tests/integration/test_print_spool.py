"""What a CUPS server still knows when it lost what it keeps beside the spool: all that a letter depends on."""

import unittest

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


if __name__ == "__main__":
    unittest.main()
