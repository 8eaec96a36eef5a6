"""Three real nodes are one service: what clients see while nodes are killed, paused, and come back.

    cluster_test.py TROUPE_PROGRAM [TEST...]
"""
import concurrent.futures
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time
import unittest
import uuid

from cluster import FINAL, Cluster, Failed, Load, TestCase, free_ports, wait_until
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from black_hole import BlackHoles

TROUPE = sys.argv.pop(1)

HEAD = "name: %s\ninputs: {number: {type: integer, required: true}}\nstages:\n"
STAGE = ("  %s: {kind: exec, program: {mode: once, command: [sh, ./step.sh, \"%s\"], outputs: {number: integer%s}}, params: {number: \"${%s}\"}"
         ", requires: {labels: [%s]}, retry: {attempts: 5, backoff: 100ms..200ms}}\n")
STEP = """\
number=$(sed -n 's/.*"number": *\\([0-9]*\\).*/\\1/p')
case $1 in
  file) printf 'made of %s\\n' "$number" >"$TROUPE_OUT/file.txt"; echo '{"output": {"name": "file", "file": "file.txt", "media_type": "text/plain"}}' ;;
  *) echo "number $number sleeps" >&2; sleep "$1" ;;
esac
echo "{\\"output\\": {\\"name\\": \\"number\\", \\"value\\": $number}}"
"""


def install(folder):
    """echo: at once. film: leaves a file. steps-nodeK: six stages of a quarter second, on node K alone. long: half a minute."""
    folder.mkdir()
    (folder / "step.sh").write_text(STEP)
    result = "result: {number: \"${stages.%s.number}\"}\n"
    (folder / "echo.yaml").write_text(HEAD % "echo" + STAGE % ("only", "0", "", "inputs.number", "") + result % "only")
    (folder / "long.yaml").write_text(HEAD % "long" + STAGE % ("only", "30", "", "inputs.number", "") + result % "only")
    for k in (1, 2, 3):
        steps = "".join(STAGE % (f"s{i}", "0.25", "", f"stages.s{i - 1}.number" if i else "inputs.number", f"node{k}") for i in range(6))
        (folder / f"steps-node{k}.yaml").write_text(HEAD % f"steps-node{k}" + steps + result % "s5")
        (folder / f"film-node{k}.yaml").write_text(HEAD % f"film-node{k}" + STAGE % ("only", "file", ", file: file", "inputs.number", f"node{k}")
                                                   + "result: {file: \"${stages.only.file}\"}\n")


def figure(name, value, unit="s"):
    print(f"cluster: {name}: {value:.3f} {unit}", file=sys.stderr, flush=True)


class ClusterCase(TestCase):
    """All tests of a class share one cluster; each finds it whole."""

    COUNT, OPTIONS = 3, []

    @classmethod
    def prepare(cls):
        """Between making the nodes and starting them."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        pipelines = pathlib.Path(cls.folder.name) / "pipelines"
        install(pipelines)
        cls.cluster = Cluster(TROUPE, cls.COUNT, ["--slots", "2", "--pipelines", pipelines, *cls.OPTIONS])
        for node in cls.cluster.nodes:
            node.options += ["--label", node.folder.name]
        cls.prepare()
        began = time.monotonic()
        cls.cluster.start()
        figure(f"{cls.COUNT} empty nodes are three voters after", time.monotonic() - began)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        cls.folder.cleanup()

    def setUp(self):
        self.began = time.monotonic()
        self.cluster.restore()

    def tearDown(self):
        for node in self.cluster.others:
            node.close()
        self.cluster.others.clear()
        figure(self._testMethodName, time.monotonic() - self.began)

    def examine(self, load):
        """Every acknowledged job has ended once, on every node there is the same of them, and nobody was told of fewer."""
        self.assertEqual(load.complaints(self.cluster.leader()), [])
        self.cluster.restore()
        known = {entry[0] for entry in load.acknowledged.values()}
        for node in self.cluster.nodes:
            listed = load.listed(node) - self.before
            self.assertEqual((known - listed, listed - known), (set(), set()), f"{node}: missing, and such that nobody was told of")

    def under_load(self):
        load = Load(self.cluster)
        self.before = load.listed(self.cluster.leader())
        return load

    def strike(self, load, blow, what):
        """Strikes the leader in the middle of a load. @returns the struck node; writes are accepted again."""
        wait_until("some load", lambda: load.count() >= 20)
        leader = self.cluster.leader()
        term = leader.view()["log_term"]
        blow(leader)
        struck = time.monotonic()
        answered = wait_until("writes to be accepted", lambda: load.first_after(struck), 15)
        figure(f"{what}: writes are accepted again after", answered - struck)
        self.assertLess(answered - struck, 5)
        wait_until("a newer term", lambda: any((node.view() or {}).get("log_term", 0) > term for node in self.cluster.live() if node is not leader))
        return leader


class ClusterTest(ClusterCase):
    # -- what clients may rely on

    def test_every_node_names_the_same_leader_and_three_voters(self):
        leader = self.cluster.leader()
        for node in self.cluster.nodes:
            roles = {member["address"]: member["role"] for member in node.view()["members"]}
            self.assertEqual(roles, {other.address: "leader" if other is leader else "voter" for other in self.cluster.nodes})

    def test_a_job_can_be_read_at_once_on_every_node(self):
        leader, jobs, times = self.cluster.leader(), [], {True: [], False: []}
        for number in range(10):
            for node in self.cluster.nodes:
                began = time.monotonic()
                job = node.submit("echo", {"number": number})["id"]
                times[node is leader].append(time.monotonic() - began)
                for other in self.cluster.nodes:
                    self.assertEqual(other.job(job)["id"], job)
                jobs.append((job, number))
        for job, number in jobs:
            self.assertEqual(self.cluster.nodes[number % 3].wait_final(job)["result"], {"number": number})
        figure("submission at the leader, median", statistics.median(times[True]) * 1000, "ms")
        figure("submission at a follower, median", statistics.median(times[False]) * 1000, "ms")

    def test_a_key_is_known_on_every_node(self):
        first, second, third = self.cluster.nodes
        key = str(uuid.uuid4())
        job = first.submit("echo", {"number": 7}, key)["id"]
        status, headers, body = second.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 7}}, {"Idempotency-Key": key})
        self.assertEqual((status, headers.get("idempotency-replayed"), json.loads(body)["id"]), (202, "true", job))
        status, _, body = third.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 8}}, {"Idempotency-Key": key})
        self.assertEqual((status, json.loads(body)["code"]), (409, "conflict"))

    def test_one_key_at_all_nodes_at_the_same_time_is_one_job(self):
        for _ in range(5):
            key, seen = str(uuid.uuid4()), []
            threads = [threading.Thread(target=lambda node=node: seen.append(node.submit("echo", {"number": 1}, key)["id"])) for node in self.cluster.nodes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual((len(seen), len(set(seen))), (3, 1))

    def test_a_job_is_cancelled_on_another_node_than_the_one_that_took_it(self):
        first, second, third = self.cluster.nodes
        job = first.submit("long", {"number": 1})["id"]
        wait_until("an attempt", lambda: second.job(job)["state"] == "running")
        second.json("POST", f"/v1/jobs/{job}/cancel", {"reason": "enough"})
        self.assertEqual(third.job(job)["state"], "cancelled")
        for node in self.cluster.nodes:
            wait_until("its slots to be free", lambda: all(slot["state"] == "idle" for slot in node.view()["slots"]))

    # -- nodes that die, and come back

    def test_no_acknowledged_job_is_lost_when_the_leader_is_killed(self):
        with self.under_load() as load:
            killed = self.strike(load, lambda node: node.kill(), "kill -9 of the leader")
            enough = load.count() + 20
            wait_until("more load", lambda: load.count() >= enough)
            killed.start()
            began = time.monotonic()
            self.cluster.wait_ready([killed])
            figure("a killed node is ready again after", time.monotonic() - began)
            enough = load.count() + 20
            wait_until("more load", lambda: load.count() >= enough)
        self.examine(load)

    def test_no_acknowledged_job_is_lost_when_the_leader_is_paused(self):
        with self.under_load() as load:
            paused = self.strike(load, lambda node: node.pause(), "SIGSTOP of the leader")
            since = time.monotonic()
            wait_until("five seconds of a pause", lambda: time.monotonic() - since > 5)
            paused.resume()
            job = self.cluster.leader().submit("echo", {"number": 0})["id"]
            self.before.add(job)
            # What the old leader says now must be of now: it may not answer a read from its own past (I8).
            self.assertEqual(paused.job(job)["id"], job)
            enough = load.count() + 20
            wait_until("more load", lambda: load.count() >= enough)
        self.examine(load)

    def test_all_are_killed_and_come_back_with_everything(self):
        with self.under_load() as load:
            wait_until("some load", lambda: load.count() >= 20)
            for node in self.cluster.nodes:
                node.kill()
            began = time.monotonic()
            for node in reversed(self.cluster.nodes):
                node.start()
            answered = wait_until("writes to be accepted", lambda: load.first_after(began), 30)
            figure("all were killed: writes are accepted after", answered - began)
        self.examine(load)

    def test_work_of_a_killed_node_runs_elsewhere(self):
        jobs = [self.cluster.nodes[0].submit("long", {"number": number})["id"] for number in range(3)]
        slots = wait_until("all to run", lambda: self.slots_of(jobs))
        victim = next(node for node in self.cluster.nodes if any(slot.startswith(node.id) for slot in slots.values()))
        hit = [job for job, slot in slots.items() if slot.startswith(victim.id)]
        victim.kill()
        struck = time.monotonic()
        other = self.cluster.leader()
        wait_until("another attempt", lambda: all(self.attempts(other, job) > 1 for job in hit), 30)
        figure("the work of a killed node runs elsewhere after (lease of 4 s)", time.monotonic() - struck)
        for job in jobs:
            other.json("POST", f"/v1/jobs/{job}/cancel", {"reason": "seen enough"})

    def attempts(self, node, job):
        return node.job(job)["stages"][0]["attempts"]

    def slots_of(self, jobs):
        found = {}
        for job in jobs:
            page = self.cluster.leader().job(job)
            if page["stages"][0]["state"] != "running":
                return None
            for _, type_, data in self.cluster.leader().job_events(job):
                if type_ == "attempt_started":
                    found[job] = data["slot"]
                    break
        return found

    def test_without_a_majority_requests_are_refused_in_time_and_later_all_goes_on(self):
        leader = self.cluster.leader()
        before = leader.submit("echo", {"number": 1})["id"]
        leader.wait_final(before)
        *lost, survivor = [leader, *self.cluster.followers()]
        for node in lost:
            node.kill()
        key = str(uuid.uuid4())
        requests = (("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 2}}), ("GET", f"/v1/jobs/{before}", None),
                    ("POST", f"/v1/jobs/{before}/cancel", {"reason": "x"}), ("GET", f"/v1/jobs/{before}/events", None))

        def ask(method, path, body):
            began = time.monotonic()
            answer = survivor.request(method, path, body, {"Idempotency-Key": key} if path == "/v1/jobs" else {}, timeout=20)
            return time.monotonic() - began, answer

        with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
            for took, (status, headers, text) in pool.map(lambda words: ask(*words), requests):
                figure(f"without a majority a request is answered {status} after", took)
                self.assertEqual((status, headers.get("content-type")), (503, "application/problem+json"))
                self.assertIn(b"no majority", text)
                self.assertIn("retry-after", headers)
                self.assertLess(took, 12)
        self.assertEqual(survivor.request("GET", "/healthz")[0], 200)
        self.assertEqual(survivor.request("GET", "/readyz")[0], 503)
        self.assertEqual(survivor.request("GET", "/v1/jobs?limit=1")[0], 200)
        lost[0].start()
        began = time.monotonic()
        wait_until("a write to be accepted", lambda: self.tries(survivor, key), 20)
        figure("one came back: writes are accepted after", time.monotonic() - began)
        self.assertEqual(survivor.job(before)["state"], "succeeded")

    def tries(self, node, key):
        status, _, body = node.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 2}}, {"Idempotency-Key": key}, timeout=20)
        return json.loads(body)["id"] if status == 202 else None

    def test_the_others_start_again_without_the_node_that_was_their_seed(self):
        seed, *others = self.cluster.nodes
        for node in self.cluster.nodes:
            node.kill()
        for node in others:
            node.start()
        self.cluster.wait_ready(others)
        job = others[0].submit("echo", {"number": 5})["id"]
        self.assertEqual(others[1].wait_final(job)["result"], {"number": 5})

    # -- nodes that do not belong

    def test_a_node_of_another_cluster_is_refused(self):
        stranger = self.cluster.another("stranger").start()
        self.cluster.wait_ready([stranger])
        own = stranger.submit("echo", {"number": 1})["id"]
        stranger.stop()
        stranger.seeds = [self.cluster.nodes[0].address]
        stranger.start()
        wait_until("a clear word in the stranger's log", lambda: "a node belongs to one cluster for life" in stranger.log)
        self.assertEqual(len(self.cluster.leader().view()["members"]), 3)
        self.assertEqual(stranger.job(own)["id"], own)  # it is still its own
        self.assertEqual(self.cluster.leader().request("GET", f"/v1/jobs/{own}")[0], 404)

    def copied(self, original, while_it_runs):
        copy = self.cluster.another("copy", [self.cluster.leader().address])
        if while_it_runs:
            shutil.copytree(original.data, copy.data)
        else:
            original.kill()
            shutil.copytree(original.data, copy.data)
            original.start()
            self.cluster.wait_ready([original])
        for number in range(5):
            self.cluster.leader().submit("echo", {"number": number})  # so the copy is of yesterday
        copy.start()
        word = "one of the data directories is a copy" if while_it_runs else "is an old copy"
        wait_until("a clear word in the copy's log", lambda: word in copy.log)
        wait_until("a clear word in another log", lambda: any(word in node.log for node in self.cluster.nodes if node is not original))
        for node in self.cluster.nodes:
            job = node.submit("echo", {"number": 3})["id"]
            self.assertEqual(node.wait_final(job)["state"], "succeeded")
        self.assertFalse(copy.is_ready())
        self.assertTrue(original.is_ready())

    def test_a_node_whose_first_start_failed_can_still_join(self):
        first = self.cluster.another("first").start()
        wait_until("it to be ready", first.is_ready)
        failing = self.cluster.another("failing", port=first.port).start()
        self.assertEqual(failing.ended(), 7, failing.log)
        joins = self.cluster.another("joins", [first.address])
        joins.data = failing.data
        joins.start()
        wait_until("it to join", joins.is_ready)
        self.assertEqual({member["id"] for member in first.json("GET", "/v1/node")["members"]}, {first.id, joins.id})

    def test_a_node_that_reaches_no_cluster_is_not_ready_and_says_why(self):
        def why(node):
            status, _, body = node.request("GET", "/readyz")
            return json.loads(body)["reason"] if status == 503 else ""

        nobody = f"127.0.0.1:{free_ports(1)[0]}"
        lost = self.cluster.another("lost", [nobody]).start()
        wait_until("it to say that its seed does not answer", lambda: lost.view() and f"has not joined a cluster yet; seed {nobody}: Connection refused" in why(lost))
        itself = self.cluster.another("itself")
        itself.seeds = [itself.address]
        itself.start()
        wait_until("it to say that it is its own seed", lambda: itself.view() and "no seed of it is another node" in why(itself))
        alone = self.cluster.another("alone").start()
        wait_until("it to be ready", alone.is_ready)
        alone.stop()
        alone.seeds = [self.cluster.nodes[0].address]
        alone.start()
        wait_until("it to say that its seed is of another cluster", lambda: alone.view() and f"a cluster of its own; seed {alone.seeds[0]}: " in why(alone))
        self.assertIn("a node belongs to one cluster for life", why(alone))

    def test_a_copied_data_directory_is_refused(self):
        self.copied(self.cluster.followers()[0], while_it_runs=False)

    def test_a_copy_of_a_running_node_does_not_take_its_place(self):
        self.copied(self.cluster.followers()[0], while_it_runs=True)

    def roll_back(self, node):
        """Puts the node's disk of yesterday in its place, and starts it."""
        node.kill()
        yesterday = node.folder / "yesterday"
        shutil.copytree(node.data, yesterday)
        node.start()
        self.cluster.wait_ready([node])
        started = (node.id, node.view()["incarnation"])
        for other in self.cluster.nodes:  # what the cluster has not committed it cannot compare with
            wait_until("its start to be known", lambda other=other: started in [(each["id"], each["incarnation"]) for each in other.view()["members"]])
        for number in range(5):
            self.cluster.leader().submit("echo", {"number": number})
        self.cluster.wait_level()
        node.kill()
        shutil.move(node.data, node.folder / "today")
        shutil.move(yesterday, node.data)
        node.start()

    def bring_back_today(self, node):
        if not (node.folder / "today").exists():
            return  # it never left
        node.close()
        shutil.rmtree(node.data)
        shutil.move(node.folder / "today", node.data)
        node.start()
        self.cluster.wait_ready([node])

    def refused_as_old_copy(self, node):
        self.addCleanup(self.bring_back_today, node)
        word, said = "is an old copy", {each: len(each.log) for each in self.cluster.nodes}
        self.roll_back(node)
        others = [other for other in self.cluster.nodes if other is not node]
        wait_until("a clear word of its own", lambda: word in (node.view() or {}).get("why_not_ready", ""))
        wait_until("a clear word in its log", lambda: word in node.log[said[node]:])
        wait_until("a clear word in another log", lambda: any(word in other.log[said[other]:] for other in others))
        status, _, body = node.request("GET", "/readyz")
        self.assertEqual(status, 503)
        self.assertIn("start it with an empty data directory", json.loads(body)["reason"])
        before = len(node.log)
        node.kill()
        node.start()  # its number of starts is higher than the one that the cluster knows by now
        wait_until("the same word after another start", lambda: word in node.log[before:])
        # It does not count: with another one down there is no majority.
        self.cluster.wait_ready(others)
        job = others[0].submit("echo", {"number": 3})["id"]
        self.assertEqual(others[1].wait_final(job)["state"], "succeeded")
        self.assertEqual(node.request("GET", f"/v1/jobs/{job}")[0], 503)
        others[0].kill()
        self.assertEqual(others[1].request("GET", f"/v1/jobs/{job}", timeout=20)[0], 503)
        others[0].start()
        self.cluster.wait_ready(others)

    def test_a_follower_whose_disk_is_of_yesterday_is_refused(self):
        self.refused_as_old_copy(self.cluster.followers()[0])

    def test_a_leader_whose_disk_is_of_yesterday_is_refused(self):
        self.refused_as_old_copy(self.cluster.leader())

    def test_a_disk_of_yesterday_is_found_out_also_when_all_start_at_once(self):
        node = self.cluster.followers()[0]
        self.addCleanup(self.bring_back_today, node)
        starts = node.log.count("log_read")
        self.roll_back(node)  # it may be found out, or be killed before
        wait_until("yesterday's start to be counted, and remembered", lambda: node.log.count("log_read") == starts + 2)
        for each in self.cluster.nodes:
            each.kill()
        for each in self.cluster.nodes:
            each.start()
        others = [other for other in self.cluster.nodes if other is not node]
        wait_until("it to say so", lambda: "is an old copy" in (node.view() or {}).get("why_not_ready", ""))
        self.cluster.wait_ready(others)

    def test_a_node_may_come_back_at_another_address(self):
        for node in (self.cluster.followers()[0], self.cluster.leader()):
            node.kill()
            node.port = free_ports(1)[0]
            node.start()
            self.cluster.wait_ready()
            self.cluster.wait_level()
            job = node.submit("echo", {"number": 6})["id"]
            self.assertEqual(self.cluster.leader().wait_final(job)["result"], {"number": 6})

    # -- files and events

    def test_an_upload_is_there_on_every_node_also_without_the_one_that_took_it(self):
        first, *others = self.cluster.nodes
        data = uuid.uuid4().bytes * 4096
        name = first.put(data)
        for node in others:
            self.assertEqual(node.request("GET", f"/v1/artifacts/{name}")[2], data)
        again = uuid.uuid4().bytes * 4096
        name = first.put(again)
        first.kill()
        for node in others:
            status, _, body = node.request("GET", f"/v1/artifacts/{name}")
            self.assertEqual((status, body == again), (200, True))

    def test_uploads_wait_once_for_a_paused_node_and_not_again(self):
        taker, paused = self.cluster.followers()
        paused.pause()
        taker.put(uuid.uuid4().bytes)
        began = time.monotonic()
        for _ in range(5):
            taker.put(uuid.uuid4().bytes)
        figure("five uploads while a node is paused, after the first", time.monotonic() - began)
        self.assertLess(time.monotonic() - began, 4)

    def test_a_result_outlives_the_node_that_made_it(self):
        maker, *others = self.cluster.nodes
        job = others[0].submit("film-node1", {"number": 11})["id"]
        name = others[0].wait_final(job)["result"]["file"]["artifact"]
        maker.kill()
        for node in others:
            status, _, body = node.request("GET", f"/v1/artifacts/{name}")
            self.assertEqual((status, body), (200, b"made of 11\n"))

    def test_events_go_on_at_another_node_without_gap_or_double(self):
        leader = self.cluster.leader()
        watched, runner = self.cluster.followers()
        for at, then in ((watched, leader), (leader, watched)):
            self.cluster.restore()
            job = then.submit(f"steps-{runner.folder.name}", {"number": 4})["id"]
            seen = []
            with self.assertRaises((OSError, Failed)):
                for id_, type_, _ in at.job_events(job):
                    if id_:
                        seen.append(int(id_))
                    if len(seen) == 5:
                        at.kill()
                raise Failed("the stream ended as if the job had")
            resumed = [(int(id_), type_) for id_, type_, _ in then.job_events(job, seen[-1]) if id_]
            seen += [id_ for id_, _ in resumed]
            self.assertIn(resumed[-1][1], FINAL)
            self.assertEqual(seen, list(range(1, then.job(job)["revision"] + 1)))
            leader = self.cluster.leader()


class BlackHoleTest(ClusterCase):
    """Links between nodes lose everything and tell nobody; clients still reach all nodes."""

    @classmethod
    def prepare(cls):
        nodes = cls.cluster.nodes
        cls.holes = BlackHoles([node.port for node in nodes])
        for node, port in zip(nodes, cls.holes.ports):
            node.options += ["--set", f"cluster.advertise=127.0.0.1:{port}"]
            node.seeds = [f"127.0.0.1:{cls.holes.ports[0]}"] if node is not nodes[0] else []
            node.on_start = lambda started, number=nodes.index(node): cls.holes.know(number, started.process.pid)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.holes.close()

    def test_a_leader_that_is_cut_off_loses_no_acknowledged_job_and_tells_nothing_old(self):
        number = self.cluster.nodes.index
        with self.under_load() as load:
            leader = self.strike(load, lambda node: self.holes.cut(number(node)), "the leader is cut off")
            others = [node for node in self.cluster.nodes if node is not leader]
            job = others[0].submit("echo", {"number": 0})["id"]
            self.before.add(job)
            self.assertEqual(others[1].job(job)["id"], job)
            status, _, body = leader.request("GET", f"/v1/jobs/{job}", timeout=20)  # it does not know the job, and must not say so
            self.assertEqual((status, json.loads(body)["code"]), (503, "not_leader"))
            self.holes.heal(number(leader))
            healed = time.monotonic()
            wait_until("the node that was cut off to answer", lambda: leader.request("GET", f"/v1/jobs/{job}")[0] == 200)
            figure("a node that was cut off answers again after", time.monotonic() - healed)
        self.examine(load)

    def test_a_follower_that_is_cut_off_deposes_nobody_when_it_comes_back(self):
        follower, leader = self.cluster.followers()[0], self.cluster.leader()
        term = leader.view()["log_term"]
        self.holes.cut(self.cluster.nodes.index(follower))
        wait_until("it to miss the leader", lambda: not follower.is_ready())
        self.holes.heal(self.cluster.nodes.index(follower))
        self.cluster.wait_ready()
        self.cluster.wait_level()
        self.assertEqual({node.view()["log_term"] for node in self.cluster.nodes}, {term})


if __name__ == "__main__":
    unittest.main(verbosity=2)
