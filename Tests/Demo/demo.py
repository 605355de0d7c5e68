#!/usr/bin/env python3
"""The demo: two scanners at two tables, a backend that goes down, a daemon that is killed, and nothing lost.

Runs under tracetrack-web, then under tracetrack-devices; exits 1 if anything that it promises is untrue.
usage: demo.py BIN_DIRECTORY
"""
import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BAGS, CHILDREN, RATE = 4, 6, 4
TABLES = ("table-1", "table-2")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Demo:
    def __init__(self, binaries, contract):
        self.scangate = os.path.join(binaries, "scangate")
        self.sim = os.path.join(binaries, "tracetrack-sim")
        self.contract = contract
        self.dir = tempfile.mkdtemp(prefix="scangate-demo-")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.config = os.path.join(self.dir, "scangate.toml")
        self.gateway_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self.processes = {}
        self.ended = False
        self.started = time.monotonic()

    # What the terminal shows.
    def say(self, text):
        print(f"{time.monotonic() - self.started:5.1f} s  {text}", flush=True)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(text)
        return path

    def configure(self):
        if self.contract == "tracetrack-web":
            password = self.write("password", "demo-only\n")
            auth = f'{{ kind = "login", accounts = [{{ username = "dock7", password_file = "{password}" }}] }}'
        else:
            auth = f'{{ kind = "signature", key_file = "{self.write("gateway-key", self.gateway_key)}" }}'
        self.write(
            "scangate.toml",
            f"""[gateway]
id = "dock-7"
state_dir = "{self.dir}/state"
control_socket = "{self.dir}/control"
[[uplink]]
name = "tracetrack"
url = "{self.url}"
contract = "{self.contract}"
auth = {auth}
""",
        )

    def start(self, name, *command):
        log = open(os.path.join(self.dir, name + ".log"), "ab")
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.processes[name] = process
        return process

    def start_backend(self):
        self.start(
            "backend", self.sim, "--listen", self.url.removeprefix("http://"), "--db", f"{self.dir}/backend.db",
            "--variant", "R3", "--account", "dock7:demo-only", "--auth", "signature",
            "--gateway-key", f"dock-7:{self.gateway_key}")
        self.wait("the backend to answer", lambda: self.ask("/health") is not None)

    def start_daemon(self):
        self.start("daemon", self.scangate, "run", "--config", self.config)
        self.wait("the daemon to answer", lambda: self.status() is not None)

    def kill(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def ask(self, path, body=None):
        try:
            with urllib.request.urlopen(self.url + path, body, timeout=2) as answer:
                text = answer.read()
                return json.loads(text) if path.startswith("/sim/") else text
        except OSError:
            return None

    def cli(self, *words):
        return subprocess.run(
            [self.scangate, *words, "--config", self.config], capture_output=True, text=True, timeout=30)

    def status(self):
        answer = self.cli("status", "--json")
        return json.loads(answer.stdout) if answer.stdout else None

    def wait(self, what, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds} s for {what}; the logs are in {self.dir}")
            time.sleep(0.05)

    def watch(self):
        """Shows each scan as it is stored and judged; connects again when the daemon is back."""
        while not self.ended:
            live = subprocess.Popen(
                [self.scangate, "watch", "--config", self.config], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True)
            self.processes["watch"] = live
            for line in live.stdout:
                self.say("  " + line.rstrip())
            live.wait()
            time.sleep(0.1)

    def provision(self):
        for number, table in enumerate(TABLES, 1):
            added = self.cli(
                "device", "add", f"scanner-{number}", "--port", f"{self.dir}/scanner-{number}", "--lane", table,
                "--ack", "--json")
            if added.returncode != 0:
                raise RuntimeError(added.stderr)
            self.ask("/sim/keys", added.stdout.encode())

    def scan(self):
        for number, table in enumerate(TABLES, 1):
            self.start(
                f"worker-{number}", self.scangate, "simulate", "--port", f"{self.dir}/scanner-{number}", "--bags",
                str(BAGS), "--children", str(CHILDREN), "--rate", str(RATE), "--first", str(number * 1000), "--record",
                f"{self.dir}/acknowledged-{number}", "--json")

    def finish_scanning(self):
        counts = {"scanned": 0, "acknowledged": 0, "repeated": 0}
        for number, _ in enumerate(TABLES, 1):
            self.processes.pop(f"worker-{number}").wait(timeout=60)
            with open(f"{self.dir}/worker-{number}.log") as log:
                for key, value in json.loads(log.readlines()[-1]).items():
                    counts[key] += value
        return counts

    def check(self, counts):
        """Compares what the gateway acknowledged with what the backend has."""
        acknowledged = []
        for number, _ in enumerate(TABLES, 1):
            with open(f"{self.dir}/acknowledged-{number}") as record:
                acknowledged += [line.rstrip("\n").split("\t") for line in record]
        state = self.ask("/sim/state")
        links = {link["child"]: link["parent"] for link in self.ask("/sim/links")["links"]}
        rows = self.ask("/sim/scans?limit=10000")["scans"]
        bags = {row["label"] for row in rows}
        lost, wrong = 0, 0
        for label, bag in acknowledged:
            if label == bag:
                lost += bag not in bags
                continue
            child = label.split()[2]
            lost += child not in links
            wrong += child in links and links[child] != bag
        uplink = self.status()["uplinks"][0]
        print(f"""
{self.contract}
  scanned        {counts["scanned"]}  (and {counts["repeated"]} scanned again, having had no answer)
  acknowledged   {counts["acknowledged"]}
  accepted       {state["accepted"]} by the backend, {state["duplicate"]} answered as duplicates
  wrong bag      {wrong}
  lost           {lost}
""", flush=True)
        expected = len(TABLES) * BAGS * (CHILDREN + 1)
        problems = []
        if not counts["scanned"] == counts["acknowledged"] == len(acknowledged) == expected:
            problems.append(f"{expected} labels were to be scanned and acknowledged")
        if lost or wrong:
            problems.append("scans are lost or in the wrong bag")
        if uplink["rejected"] or uplink["held"]:
            problems.append(f'{uplink["rejected"]} rejected, {uplink["held"]} held')
        if self.contract == "tracetrack-devices" and (state["accepted_twice"] or state["order_broken"] or
                                                      state["accepted"] < expected):
            problems.append(f"not each scan was accepted once and in order: {state}")
        return problems

    def run(self):
        print(f"\n=== {self.contract}: two tables scan, the backend goes down, the daemon is killed ===\n", flush=True)
        self.configure()
        self.start_backend()
        self.start_daemon()
        self.provision()
        watching = threading.Thread(target=self.watch, daemon=True)
        watching.start()
        self.scan()
        time.sleep(2)
        self.say(">>> the backend is killed; scanning goes on")
        self.kill("backend")
        time.sleep(1.5)
        self.say(">>> the daemon is killed with SIGKILL, and started again")
        self.kill("daemon")
        self.start_daemon()
        time.sleep(1)
        self.say(">>> the backend is back")
        self.start_backend()
        counts = self.finish_scanning()
        self.wait("everything to arrive", lambda: (s := self.status()) and s["spool"]["waiting"] == 0)
        self.ended = True
        return self.check(counts)

    def clean_up(self, keep):
        self.ended = True
        for name in list(self.processes):
            process = self.processes.pop(name)
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=12)
                except subprocess.TimeoutExpired:
                    process.kill()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    failed = False
    for contract in ("tracetrack-web", "tracetrack-devices"):
        demo = Demo(sys.argv[1], contract)
        problems = ["it did not end"]
        try:
            problems = demo.run()
        except (RuntimeError, subprocess.SubprocessError) as error:
            problems = [str(error)]
        finally:
            demo.clean_up(keep=bool(problems))
        for problem in problems:
            print(f"NOT TRUE under {contract}: {problem} (logs: {demo.dir})", file=sys.stderr)
        failed = failed or bool(problems)
    print("nothing lost" if not failed else "the demo FAILED")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
