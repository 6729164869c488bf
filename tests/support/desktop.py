"""Programs of a desktop, without one: Inkscape opens and saves drawings, Chromium takes pictures of pages."""

import os
import pathlib
import subprocess


def inkscape_save(folder, source, target, plain=False):
    """Opens SOURCE and saves it as TARGET, as a person who moved nothing."""
    home = pathlib.Path(folder) / "inkscape"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    done = subprocess.run(["inkscape", *(["--export-plain-svg"] if plain else []), f"--export-filename={target}",
                           str(source)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=environment, check=False)
    if done.returncode != 0 or not pathlib.Path(target).exists():
        raise AssertionError(f"inkscape ended with {done.returncode}: {done.stderr}")


def screenshot(folder, page, target, dark=False, width=600, height=700):
    """What Chromium shows of the file PAGE; it talks to nobody."""
    profile = pathlib.Path(folder) / "chromium"
    done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                           "--disable-background-networking", "--disable-component-update", "--disable-sync",
                           "--disable-dev-shm-usage", f"--user-data-dir={profile}", "--hide-scrollbars",
                           f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                           f"--window-size={width},{height}", f"--screenshot={target}", pathlib.Path(page).as_uri()],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0 or not pathlib.Path(target).exists():
        raise AssertionError(f"chromium ended with {done.returncode}: {done.stderr[-2000:]}")
