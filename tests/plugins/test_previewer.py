"""What previewers do with a script: evaluate it in an environment of their own, show it, load it anew."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

PREVIEWER = """
    import sys
    import threading
    import vapoursynth as vs

    class Previewer(vs.EnvironmentPolicy):
        current = threading.local()
        def on_policy_registered(self, api): self.api = api
        def on_policy_cleared(self): pass
        def get_current_environment(self): return getattr(self.current, "data", None)
        def set_environment(self, data):
            before, self.current.data = self.get_current_environment(), data
            return before

    def shown(path, order):
        data = policy.api.create_environment()
        with policy.api.wrap_environment(data).use():
            exec(compile(open(path).read(), path, "exec"), {"__name__": "__vapoursynth__"})
            clip = vs.get_output(0).clip
            found = {n: [bytes(p) for p in clip.get_frame(n)] for n in order}
            del clip
            vs.clear_outputs()
        policy.api.destroy_environment(data)
        return found

    policy = Previewer()
    vs.register_policy(policy)
    import vsfgcodec as fg
    assert "onnxruntime" not in sys.modules and "numpy" not in sys.modules, "work at import"
    first = shown(sys.argv[1], [0, 3, 1])
    again = shown(sys.argv[1], [1, 0, 3])
    assert len(first[0]) == 3 and first[0] != first[3], "frames differ"
    assert first == again, "loaded anew, other pictures"
"""
SCRIPT = """
    import vapoursynth as vs
    import vsfgcodec as fg
    clip = vs.core.std.BlankClip(format=vs.YUV420P10, width=160, height=96, length=5, color=[400, 512, 512])
    clip = fg.denoise(fg.grain(clip, 0.03, seed=4), 0.03)
    fg.grain(fg.deflicker(clip, mode="safe"), 0.05).set_output()
"""


def test_a_script_is_loaded_again_in_a_new_environment(tmp_path):
    viewer, script = tmp_path / "viewer.py", tmp_path / "script.vpy"
    viewer.write_text(dedent(PREVIEWER))
    script.write_text(dedent(SCRIPT))
    done = subprocess.run([sys.executable, viewer, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
