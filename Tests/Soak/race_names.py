#!/usr/bin/env python3
"""race_names.py IPCLAB [ROUNDS]: in each of ROUNDS (3000) rounds several processes create the first instance
of one pipe name at the same moment. Exactly one may win; the others are told ERROR_ACCESS_DENIED. Every
third round the winner is killed with SIGKILL instead of closing. The short form is ManyTests."""
import os, shutil, sys, tempfile
from agents import Agent, files

lab = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
runtime = tempfile.mkdtemp(prefix="ipclab-soak-")
env = {**os.environ, "IPCLAB_RUNTIME_DIR": runtime}
agents = [Agent(lab, env) for _ in range(4)]
bad = 0
for number in range(rounds):
    for agent in agents:
        agent.send("CreateNamedPipe", h="s", name=r"\\.\pipe\race", access="DUPLEX|FIRST_PIPE_INSTANCE",
                   mode="TYPE_BYTE", max=1, out=64, timeout=0, **{"in": 64})
    answers = [agent.receive() for agent in agents]
    winners = [place for place, answer in enumerate(answers) if answer.get("ok")]
    others = {answer.get("err") for answer in answers if not answer.get("ok")}
    if len(winners) != 1 or others != {"ERROR_ACCESS_DENIED"}:
        bad += 1
        print(f"round {number}: {answers}")
    for winner in winners:
        if number % 3 == 2:
            agents[winner].kill()
            agents[winner] = Agent(lab, env)
        else:
            agents[winner].call("CloseHandle", h="s")
for agent in agents:
    agent.close()
left = files(runtime)
# What the last one killed left goes with the next creation.
last = Agent(lab, env)
last.call("CreateNamedPipe", h="s", name=r"\\.\pipe\other", access="DUPLEX", mode="TYPE_BYTE", max=1, out=64,
          timeout=0, **{"in": 64})
last.close()
left = files(runtime)
shutil.rmtree(runtime, ignore_errors=True)
print(f"{rounds} rounds, {bad} without exactly one winner, {len(left)} files left")
sys.exit(1 if bad or left else 0)
