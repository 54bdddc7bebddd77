"""Reports in headless Chromium, several at once: each in a frame of its own, plotly written once."""

import json
import re

from chromium import browse

from losslab.report.templating import plotly

PLACE = "@@PLOTLY@@"
# Without its policy, under which no script of a test could run: what is tested is that no name gets to be a script.
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy".*?>', re.DOTALL)
FRAMES = """
const plotly = %s, pages = %s, found = {};
for (const [name, page] of Object.entries(pages)) {
  const frame = document.createElement("iframe");
  frame.style.cssText = "width: %dpx; height: 900px; border: 0";
  frame.srcdoc = page.replace("%s", () => plotly);
  document.body.append(frame);
  await new Promise((ready) => { frame.onload = ready; });
  const page_ = frame.contentWindow, inside = frame.contentDocument;
  found[name] = await (async () => { %s })();
  frame.remove();
}
return found;
"""


def in_frames(pages, script, folder, *flags, width=900, head="", charts=True):
    """What `script` returns for each page by name; it reads `page_`, the frame's window, and `inside`, its document.

    Without `charts`, which cost most of the time, their places stay empty.
    """
    assert all(POLICY.search(page) for page in pages.values())
    open_ = {
        name: POLICY.sub("", page, count=1).replace(str(plotly()), PLACE).replace("<head>", f"<head>{head}", 1)
        for name, page in pages.items()
    }
    drawing = str(plotly()) if charts else "window.Plotly = { react() {} };"
    written = [json.dumps(value).replace("</", "<\\/").replace("<!--", "<\\!--") for value in (drawing, open_)]
    whole = FRAMES % (*written, width, PLACE, script)
    return browse("<html><head></head><body></body></html>", whole, folder, *flags, budget=200_000)
