#!/usr/bin/env python3
"""kill_readers_writers.py IPCLAB [KILLS [SEED]]: `ipclab readers-writers` runs again and again, and KILLS (500)
times one of its readers and writers is killed with SIGKILL at a random moment, all but two of each run. With a
mutex, or a mutex and an event, the others must go on: nobody hangs, no record is torn, no write is lost, an
abandoned mutex is told at most once per kill. With semaphores a run may end because one was lost, and must say so.
Nothing is left behind."""
import os, random, re, shutil, signal, subprocess, sys, tempfile, time
from agents import files

lab = os.path.abspath(sys.argv[1])
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 500
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
chance = random.Random(seed)
print(f"seed {seed}")
runtime = tempfile.mkdtemp(prefix="ipclab-soak-")
env = {**os.environ, "IPCLAB_RUNTIME_DIR": runtime}
problems = []
done = {}
told = {}
mended = lost = 0

def run(guard, limit):
    """One run with at most so many kills; returns how many it had."""
    global mended, lost
    process = subprocess.Popen(
        [lab, "readers-writers", "--guard", guard, "--readers", "4", "--writers", "4", "--seconds", "3600",
         "--size", chance.choice(["64", "4K", "256K"])],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stderr.readline()
    members = [int(number) for number in re.findall(r"process (\d+)", process.stderr.readline())]
    if len(members) != 8:
        problems.append(f"{guard}: did not start")
        process.kill()
        process.communicate()
        return 1
    # A semaphore is lost with the first who holds one.
    victims = chance.sample(members, min(limit, 1 if guard == "semaphore" else 6))
    for victim in victims:
        time.sleep(chance.uniform(0, 0.03))
        os.kill(victim, signal.SIGKILL)
    # A run that hangs after a kill ends by itself, with 1; one that goes on is asked to end.
    if guard == "semaphore":
        try:
            process.wait(4)
        except subprocess.TimeoutExpired:
            pass
    else:
        time.sleep(0.05)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        output, messages = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        problems.append(f"{guard}: hangs")
        process.kill()
        process.communicate()
        return len(victims)
    wrong = []
    found = re.search(r"abandoned (once|\d+ times), .*; (\d+) half-written", output)
    count = 0 if not found else 1 if found[1] == "once" else int(found[1].split()[0])
    told[guard] = told.get(guard, 0) + count
    mended += int(found[2]) if found else 0
    if count > len(victims):
        wrong.append(f"abandoned {count} times by {len(victims)} kills")
    if process.returncode == 1 and guard == "semaphore" and "has no owner" in messages:
        lost += 1
    elif process.returncode != 130 or "ipclab readers-writers:" in messages:
        wrong.append(f"exit {process.returncode}")
    if "No torn record" not in output:
        wrong.append("torn")
    if messages.count("signal 9") < len(victims):
        wrong.append("a death was not told")
    left = [path for path in files(runtime) if "/objects/" in path]
    if left:
        wrong.append(f"left behind: {left}")
    if wrong:
        problems.append(f"{guard}: {'; '.join(wrong)}\n{output}{messages}")
    return len(victims)

number = 0
while sum(done.values()) < kills:
    guard = "semaphore" if number % 20 == 19 else ["mutex", "event"][number % 2]
    done[guard] = done.get(guard, 0) + run(guard, kills - sum(done.values()))
    number += 1
shutil.rmtree(runtime, ignore_errors=True)
for problem in problems[:10]:
    print(problem)
print(f"{done} kills in {number} runs, told abandoned {told}, {mended} records mended, {lost} runs ended by a lost "
      f"semaphore, {len(problems)} problems")
sys.exit(1 if problems else 0)
