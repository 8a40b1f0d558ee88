internal import IPCSystem
