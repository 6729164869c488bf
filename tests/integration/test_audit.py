"""The audit trail: whoever edits the store behind the dispatcher's back is found, and what time erases is not missed."""

import json
import os
import pathlib
import re
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from dispatcher import Dispatcher, canary, card_event, wait_until  # noqa: E402


class AuditTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pindispatch-audit-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def make(self, keys=True, top=None, **groups):
        home = self.dir / "dispatcher"
        audit = {"private_key": home / "audit.key.jwk", "public_key": home / "audit.pub.jwk"} if keys else {}
        d = Dispatcher(home, audit={**audit, **groups.pop("audit", {})}, **groups)
        d.top.update(top or {})
        self.addCleanup(d.stop)
        return d

    def store(self, d):
        return d.dir / "store" / "store.db"

    def edit(self, d, *statements):
        db = sqlite3.connect(self.store(d))
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.close()

    def verify(self, d):
        done = d.ctl("audit", "verify", check=False)
        return done.returncode, done.stdout + done.stderr

    def assert_broken(self, d, row, words):
        status, text = self.verify(d)
        self.assertEqual(status, 1, text)
        self.assertIn(f"audit row {row}:", text)
        self.assertIn(words, text)


class Chain(AuditTest):
    def filled(self, **options):
        d = self.make(**options).start()
        d.submit(*[card_event(f"e{n}", canary()) for n in range(10)])
        return d

    def test_a_whole_trail(self):
        d = self.filled()
        status, text = self.verify(d)
        self.assertEqual(status, 0, text)
        self.assertIn("10 rows", text)
        self.assertIn("no anchors yet", text)

    def test_without_keys_it_says_so(self):
        d = self.filled(keys=False)
        status, text = self.verify(d)
        self.assertEqual(status, 0, text)
        self.assertIn("audit.public_key is not set", text)
        d.stop()
        self.assertFalse((d.dir / "store" / "store.db.anchors").exists())

    def test_edited_while_it_runs(self):
        d = self.filled()
        self.edit(d, "UPDATE audit SET uid = 4242 WHERE seq = 4")
        self.assert_broken(d, 4, "changed")

    def test_a_row_is_deleted(self):
        d = self.filled()
        self.edit(d, "DELETE FROM audit WHERE seq = 7")
        self.assert_broken(d, 7, "missing")

    def test_two_rows_change_places(self):
        d = self.filled()
        self.edit(d, "UPDATE audit SET seq = 99 WHERE seq = 2", "UPDATE audit SET seq = 2 WHERE seq = 3",
                  "UPDATE audit SET seq = 3 WHERE seq = 99")
        self.assert_broken(d, 2, "changed")

    def test_the_tail_is_cut(self):
        d = self.filled()
        self.edit(d, "DELETE FROM audit WHERE seq > 8")
        self.assert_broken(d, 9, "cut off")


class Anchors(AuditTest):
    def test_made_after_rows_and_at_a_stop(self):
        d = self.make(audit={"anchor_rows": 4}).start()
        for n in range(6):
            d.submit(card_event(f"e{n}", canary()))
        status, text = self.verify(d)
        self.assertEqual(status, 0, text)
        self.assertIn("1 anchors are signed, the newest at row 4", text)
        d.stop()
        path = d.dir / "store" / "store.db.anchors"
        anchors = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual([(a["number"], a["seq"]) for a in anchors], [(1, 4), (2, 6)])
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertIn("anchored at row 6", d.log())
        d.start()
        self.assertEqual(d.json("audit", "verify"), [{"ok": True, "rows": 6, "anchors": 2, "anchored": 6}])
        d.stop()
        self.assertEqual(len(path.read_text().splitlines()), 2)

    def test_made_after_a_time(self):
        d = self.make(audit={"anchor_every": "300ms"}).start()
        d.submit(card_event("e1", canary()))
        wait_until(lambda: "anchored at row 1" in d.log(), "an anchor")
        time.sleep(1)
        self.assertEqual(d.log().count("is anchored at"), 1)

    def stopped(self):
        """Ten rows, anchored at the tenth; the dispatcher has ended."""
        d = self.make().start()
        d.submit(*[card_event(f"e{n}", canary()) for n in range(10)])
        d.stop()
        return d

    def test_a_cut_tail_with_its_head_is_found(self):
        d = self.stopped()
        self.edit(d, "DELETE FROM audit WHERE seq > 6", "DELETE FROM anchor",
                  "UPDATE head SET audit_rows = 6, audit_hash = (SELECT hash FROM audit WHERE seq = 6)")
        d.start()
        self.assert_broken(d, 7, "missing")
        # Also when the trail has grown over it.
        d.submit(*[card_event(f"new{n}", canary()) for n in range(10)])
        self.assert_broken(d, 1, "changed")

    def test_forged_anchors_are_found(self):
        d = self.stopped()
        path = d.dir / "store" / "store.db.anchors"
        forged = json.loads(path.read_text())
        forged["seq"] = 9
        path.write_text(json.dumps(forged) + "\n")
        self.edit(d, "DELETE FROM anchor")
        d.start()
        self.assert_broken(d, 9, "forged")

    def test_offline_on_a_copy(self):
        d = self.stopped()
        copy = self.dir / "copy.db"
        shutil.copy(self.store(d), copy)
        shutil.copy(f"{self.store(d)}.anchors", f"{copy}.anchors")
        done = d.ctl("audit", "verify", "--store", copy, "--key", d.dir / "audit.pub.jwk")
        self.assertIn("10 rows", done.stdout)
        self.assertIn("1 anchors are signed", done.stdout)
        pathlib.Path(f"{copy}.anchors").unlink()
        done = d.ctl("audit", "verify", "--store", copy, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("audit row 10", done.stderr)
        self.assertEqual(d.ctl("audit", "verify", "--store", self.dir / "none", check=False).returncode, 1)

    def test_a_private_key_for_all_stops_the_start(self):
        d = self.make().prepare()
        (d.dir / "audit.key.jwk").chmod(0o644)
        with self.assertRaises(AssertionError):
            d.start()
        self.assertIn("chmod 600", d.log())


class Rows(AuditTest):
    def test_export_has_all_of_it(self):
        d = self.make(audit={"anchor_rows": 2}, pin="email",
                      email={"server": "127.0.0.1:1", "tls": "none-on-loopback"}).start()
        pin = canary()
        (answer,) = d.submit(card_event("e1", pin))
        delivery = answer["deliveries"][0]["id"]
        d.wait_state(delivery, "deferred")
        d.ctl("hold", delivery, "--reason", "the holder is away")
        d.ctl("cancel", delivery, "--reason", "card is lost")
        d.stop()
        d.start()
        items = d.json("audit", "export")
        rows = [item for item in items if "seq" in item]
        anchors = [item["anchor"] for item in items if "anchor" in item]
        self.assertEqual([row["seq"] for row in rows], list(range(1, len(rows) + 1)))
        own = [row for row in rows if row["delivery"] == delivery]
        self.assertEqual([row["prior"] for row in own[1:]], [row["seq"] for row in own[:-1]])
        held, cancelled = own[-2:]
        self.assertEqual((held["cause"], held["words"], held["to"]), ("operator:hold", "the holder is away", "held"))
        self.assertEqual((cancelled["cause"], cancelled["words"]), ("operator:cancel", "card is lost"))
        self.assertEqual({row["uid"] for row in (held, cancelled, own[0])}, {os.getuid()})
        self.assertEqual({row["generation"] for row in own}, {1})
        tried = next(row for row in own if row["to"] == "deferred")
        self.assertTrue(tried["detail"]["code"])
        self.assertGreaterEqual(len(anchors), 1)
        self.assertEqual(anchors[-1]["seq"], len(rows))
        self.assertEqual(anchors[-1]["hash"], rows[-1]["hash"])
        after = d.json("audit", "export", "--after", len(rows) - 1)
        self.assertEqual([item.get("seq") for item in after if "seq" in item], [len(rows)])
        self.assertEqual(len([item for item in after if "anchor" in item]), 1)
        text = json.dumps(items)
        self.assertNotIn(pin, text)
        self.assertNotIn("asa.oberg", text)
        self.assertIsNone(re.search(r'"(pin|puk|sealed|length)"', text))

    def test_retention_erases_holders_and_the_trail_stays_whole(self):
        d = self.make(top={"retention": "1500ms"}).start()
        d.submit(*[card_event(f"e{n}", canary(), name=f"Holder Number {n}") for n in range(5)])
        delivery = d.json("list")[0]["id"]
        self.assertIn("Holder Number", json.dumps(d.show(delivery)))
        time.sleep(2)
        d.stop()
        d.start()
        wait_until(lambda: "Holder Number" not in json.dumps(d.show(delivery)), "the holder to be forgotten")
        status, text = self.verify(d)
        self.assertEqual(status, 0, text)
        self.assertEqual(d.submit(card_event("e1", canary(), name="Holder Number 1"))[0]["result"], "duplicate")
        d.stop()
        self.assertNotIn(b"Holder Number", self.store(d).read_bytes())


if __name__ == "__main__":
    unittest.main()
