"""Agents of the console for the soak tests: processes that make Win32 calls, a line each."""
import json, os, selectors, signal, subprocess, time

class Gone(Exception):
    pass

class Agent:
    """One `ipclab console --protocol json`."""
    def __init__(self, lab, env):
        self.process = subprocess.Popen([lab, "console", "--protocol", "json"], env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.receive()

    def send(self, op, actor="-", **arguments):
        words = [actor, op] + [f"{name}={value}" for name, value in arguments.items()]
        try:
            self.process.stdin.write("\t".join(words) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise Gone()

    def receive(self, limit=20):
        """The next answer. An agent that does not answer in time is an error of its own. Looks are counted, not
        seconds: a machine that stood still for a while is no agent that hangs."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not any(selector.select(0.2) for _ in range(limit * 5)):
                raise TimeoutError("an agent does not answer")
        line = self.process.stdout.readline()
        if not line:
            raise Gone()
        return json.loads(line)

    def call(self, op, actor="-", **arguments):
        self.send(op, actor, **arguments)
        return self.receive()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        try:
            self.process.stdin.close()
            self.process.wait(20)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.kill()

def files(runtime):
    return [os.path.join(where, name) for where, _, names in os.walk(runtime) for name in names]
