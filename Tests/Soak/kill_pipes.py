#!/usr/bin/env python3
"""kill_pipes.py IPCLAB [KILLS [SEED]]: servers and clients of one pipe name make random calls, and KILLS (500)
times one of them is killed with SIGKILL at a random moment. Each time the name must be usable at once by a new
server and a new client, nobody may be stuck, and at the end nothing is left in the runtime directory."""
import os, random, shutil, sys, tempfile, time
from agents import Agent, Gone, files

lab = os.path.abspath(sys.argv[1])
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 500
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
chance = random.Random(seed)
print(f"seed {seed}")
runtime = tempfile.mkdtemp(prefix="ipclab-soak-")
env = {**os.environ, "IPCLAB_RUNTIME_DIR": runtime}
NAME = r"\\.\pipe\soak"
create = {"h": "s", "name": NAME, "access": "DUPLEX", "mode": "TYPE_MESSAGE|READMODE_MESSAGE", "max": 255,
          "out": 512, "in": 512, "timeout": 50}
problems = []

def server():
    agent = Agent(lab, env)
    answer = agent.call("CreateNamedPipe", **create)
    if not answer.get("ok"):
        problems.append(f"create: {answer}")
    # Waits for its client in a thread of its own.
    agent.call("ConnectNamedPipe", "A&", h="s")
    return agent

def client():
    agent = Agent(lab, env)
    answer = agent.call("CreateFile", h="c", name=NAME, access="READ|WRITE", share=0, disp=3, flags=0)
    if not answer.get("ok"):
        # All taken: wait in a thread of its own, for ever, for somebody to be killed.
        agent.call("WaitNamedPipe", "W&", name=NAME, timeout="FOREVER")
    return agent

def stir(agent, handle):
    """A random call, that the other end may never answer: in a worker, so that it may be stuck."""
    op = chance.choice(["WriteFile", "ReadFile", "FlushFileBuffers", "PeekNamedPipe"])
    arguments = {"WriteFile": {"fill": chance.choice([1, 100, 600, 100000])},
                 "ReadFile": {"n": 4096}, "PeekNamedPipe": {"n": 16}}.get(op, {})
    agent.send(op, chance.choice("BC") + "&", h=handle, **arguments)

servers = [server() for _ in range(2)]
clients = [client() for _ in range(3)]
for number in range(kills):
    pool = [(agent, "s") for agent in servers] + [(agent, "c") for agent in clients]
    for agent, handle in chance.sample(pool, 3):
        try:
            stir(agent, handle)
        except Gone:
            pass
    time.sleep(chance.uniform(0, 0.02))
    group = chance.choice([servers, clients])
    place = chance.randrange(len(group))
    group[place].kill()
    try:
        # A new server and a new client of its own name get through at once.
        fresh = Agent(lab, env)
        made = fresh.call("CreateNamedPipe", **{**create, "name": NAME if group is servers else NAME + "2"})
        if not made.get("ok"):
            problems.append(f"kill {number}: create: {made}")
        fresh.close()
        group[place] = server() if group is servers else client()
    except (TimeoutError, Gone) as error:
        problems.append(f"kill {number}: {error!r}")
        break
# All servers go: who waits is woken and told.
for agent in servers:
    agent.kill()
for agent in clients:
    for worker in "WBC":
        try:
            # Each worker has many calls to end, and the machine may stand still for seconds meanwhile.
            patience = 4
            while patience:
                answer = agent.call("join", worker + "?", within=5000)
                if answer.get("status") == "blocked":
                    patience -= 1
                elif answer.get("status") != "done":
                    break
            if answer.get("status") == "blocked":
                problems.append(f"stuck after all servers died: {worker} {answer}")
        except (TimeoutError, Gone) as error:
            problems.append(f"join: {error!r}")
for agent in clients:
    agent.kill()
last = Agent(lab, env)
if not last.call("CreateNamedPipe", **create).get("ok"):
    problems.append("the name cannot be created at the end")
last.close()
left = files(runtime)
shutil.rmtree(runtime, ignore_errors=True)
for problem in problems[:10]:
    print(problem)
print(f"{kills} kills, {len(problems)} problems, {len(left)} files left")
sys.exit(1 if problems or left else 0)
