"""Loads the page in a headless browser: python3 check_page.py BROWSER PAGE

No console message, no request to the network, every chart present with its text alternative."""
import os, pathlib, re, subprocess, sys, tempfile

browser, page = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
with tempfile.TemporaryDirectory() as profile:
    result = subprocess.run(
        [browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
         "--enable-logging=stderr", "--v=0", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=180, env={**os.environ, "HOME": profile})
problems = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
dom = result.stdout
charts = re.findall(r"<svg\b.*?</svg>", dom, re.S)
if len(charts) < 8:
    problems.append(f"only {len(charts)} charts")
for chart in charts:
    if "aria-hidden" in chart[:300]:
        continue
    if not ("<title" in chart and 'role="img"' in chart):
        problems.append("a chart without text alternative: " + chart[:120])
if re.search(r'(?:src|href)="https?://', re.sub(r'<a\b[^>]*>', '', dom)) or "@import" in dom:
    problems.append("the page loads something from the network")
for heading in ("need", "Feature", "Environment", "Method"):
    if not re.search(heading, dom, re.I):
        problems.append(f"no section about {heading}")
for problem in problems:
    print("page:", problem)
print(f"page: {len(charts)} charts, {len(problems)} problems")
sys.exit(1 if problems else 0)
