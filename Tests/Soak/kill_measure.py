#!/usr/bin/env python3
"""kill_measure.py IPCLAB [RUNS [SEED]]: starts `ipclab measure` RUNS times (1000) over all transports and kills
the runner, the server or a client with SIGKILL at a random moment. Half of the runs are so short that they
are killed while they clean up, or have ended. Afterwards one more start must find and leave nothing:
no process, no file in the runtime directory, no shared memory, no message queue.
The short form of this is KillTests. Bounded: every run has 20 s, and the script ends itself."""
import os, pathlib, random, shutil, signal, subprocess, sys, tempfile, time

lab = os.path.abspath(sys.argv[1])
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
print(f"seed {seed}")
chance = random.Random(seed)
runtime = tempfile.mkdtemp(prefix="ipclab-soak-")
env = {**os.environ, "IPCLAB_RUNTIME_DIR": runtime}
transports = [line.split()[0] for line in
              subprocess.run([lab, "list", "transports"], capture_output=True, text=True, check=True)
              .stdout.splitlines() if line and not line.startswith(" ")]

def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass

def survivors():
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if runtime.encode() in (entry / "environ").read_bytes():
                    found.append(entry.name)
            except OSError:
                pass
    return found

def shared():
    return set(os.listdir("/dev/shm"))

before = shared()
hangs = bad = 0
victims = {"runner": 0, "server": 0, "client": 0, "nobody": 0}
for run in range(runs):
    transport = chance.choice(transports)
    count = chance.choice(["10", "3000000"])
    process = subprocess.Popen(
        [lab, "measure", transport, "--count", count, "--placement", "none", "--timeout", "15s",
         "--scenario", chance.choice(["echo", "stream"])],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0, 0.06))
    actors = children(process.pid)
    who = chance.choice(["runner", "server", "client"])
    index = {"server": 0, "client": 1}.get(who)
    if who == "runner":
        kill(process.pid)
    elif index < len(actors):
        kill(actors[index])
    else:
        who = "nobody"
        kill(process.pid)
    victims[who] += 1
    try:
        code = process.wait(timeout=20)
        # What was killed may have ended by itself before.
        if who in ("server", "client") and code != 1 and not (count == "10" and code == 0):
            bad += 1
            print(f"run {run}: {transport}, {who} killed, exit code {code}")
    except subprocess.TimeoutExpired:
        hangs += 1
        print(f"run {run}: {transport}, {who} killed: hangs")
        process.kill()
        process.wait()
until = time.monotonic() + 10
while survivors() and time.monotonic() < until:
    time.sleep(0.05)
left = survivors()
subprocess.run([lab, "measure", "unix-stream", "--count", "10"], env=env, check=True,
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
files = [str(p) for p in pathlib.Path(runtime).rglob("*") if p.is_file() and p.name != ".lock"
         or p.is_socket() or p.is_fifo()]
queues = []
with tempfile.TemporaryDirectory() as mount:
    if os.geteuid() == 0 and subprocess.run(["mount", "-t", "mqueue", "none", mount]).returncode == 0:
        queues = [name for name in os.listdir(mount) if "ipclab" in name]
        subprocess.run(["umount", mount], check=True)
segments = sorted(shared() - before)
shutil.rmtree(runtime)
print(f"{runs} runs, killed {victims}, {hangs} hangs, {bad} wrong exit codes, {len(left)} processes, "
      f"{len(files)} files, {len(segments)} shared memory segments, {len(queues)} queues left")
for item in left + files + segments + queues:
    print("left:", item)
sys.exit(1 if hangs or bad or left or files or segments or queues else 0)
