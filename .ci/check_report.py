"""Checks the report files of a run: python3 check_report.py DIR"""
import csv, json, pathlib, sys

directory = pathlib.Path(sys.argv[1])
document = json.loads((directory / "results.json").read_text())
problems = []

def expect(condition, text):
    if not condition:
        problems.append(text)

expect(document["schemaVersion"] == 1, "unknown schema version")
expect(document["run"]["build"] == "release", "not a release build")
expect(not document["run"]["isPartial"], "the run is partial")
mechanisms = {m["id"] for m in document["mechanisms"]}
wanted = {
    "anonymous-pipe", "fifo", "named-pipe-message", "named-pipe-byte", "mailslot",
    "shared-memory-event", "shared-memory-semaphore", "shared-memory-spin", "shared-memory-hybrid",
    "unix-stream", "unix-seqpacket", "unix-datagram", "tcp", "udp", "message-queue",
}
expect(wanted <= mechanisms, f"mechanisms are missing: {sorted(wanted - mechanisms)}")
for cell in document["cells"]:
    where = " ".join(str(cell[k]) for k in ("mechanism", "scenario", "placement", "size"))
    expect(cell["status"] in ("measured", "notApplicable"), f"{where}: {cell['status']}: {cell.get('reason')}")
    if cell["status"] == "notApplicable":
        expect(cell.get("reason"), f"{where}: not applicable without a reason")
    for trial in cell["trials"]:
        expect(not trial.get("failure"), f"{where}: a trial failed: {trial.get('failure')}")
        expect(trial["sequenceChecked"] >= trial["count"] // 2, f"{where}: payload not checked")
probes = {p["id"] for p in document["probes"]}
expect(len(probes) >= 15, f"{len(probes)} probes")
expect(len(document["features"]) == len(probes) * len(mechanisms), "a probe is missing somewhere")
for feature in document["features"]:
    where = f"{feature['mechanism']} {feature['probe']}"
    expect(feature["verdict"] not in ("disagrees", "failed"),
           f"{where}: {feature['verdict']}: claimed {feature['claim']}, observed {feature['observed']}")
    expect(feature["evidence"], f"{where}: no evidence")
with open(directory / "results.csv", newline="") as file:
    expect(len(list(csv.DictReader(file))) == len(document["cells"]), "results.csv has other rows")
expect("| " in (directory / "report.md").read_text(), "report.md has no table")
for problem in problems[:40]:
    print("report:", problem)
print(f"report: {len(document['cells'])} cells, {len(document['features'])} feature results, "
      f"{len(problems)} problems")
sys.exit(1 if problems else 0)
