"""Test the page of a run in a real browser."""

from __future__ import annotations

import pathlib
import shlex
from typing import Any

import pytest
from browser import CHARMS, Browser, Run
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from localjuju import LocalJuju
from localjuju.page import main


def place_of(run: Run, unit: str, hook: str, **attributes: Any) -> int:
    """Return the index among the events of the first hook with these attributes."""
    return next(
        place
        for place, event in enumerate(run["events"])
        if event.get("unit") == unit
        and event["hook"] == hook
        and attributes.items() <= event.items()
    )


def selected_title(browser: Browser) -> str:
    return browser.text("#details h2")


def press(browser: Browser, *keys: str) -> None:
    browser.find("#lanes").send_keys(*keys)


def test_page_opens_with_the_first_command_and_all_units(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    browser.open(page)
    assert browser.text("h1") == "Charms meet"
    assert selected_title(browser).startswith("Command 1: juju deploy")
    assert len(browser.all("#marks .mark")) == len(run_of_charms["events"])
    lanes = [lane.text for lane in browser.all("#names div")]
    assert lanes == ["$ juju", "fprov/0", "tprov/0", "tprov/1", "treq/0", "↳ tsub/0"]


def test_buttons_keys_and_slider_select_events(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    browser.open(page)
    count = len(run_of_charms["events"])
    for step, position in (
        (lambda: browser.find("#next").click(), 2),
        (lambda: press(browser, Keys.ARROW_RIGHT), 3),
        (lambda: press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT), 5),
        (lambda: press(browser, Keys.ARROW_LEFT), 4),
        (lambda: browser.find("#previous").click(), 3),
        (lambda: press(browser, Keys.END), count),
        (lambda: browser.find("#next").click(), count),
        (lambda: press(browser, Keys.HOME), 1),
        (lambda: browser.find("#last").click(), count),
        (lambda: browser.find("#slider").send_keys(Keys.HOME, Keys.ARROW_RIGHT), 2),
        (lambda: browser.find("#first").click(), 1),
    ):
        step()
        assert browser.text("#position") == f"{position} of {count}"


def test_play_button_shows_one_event_after_another(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    press(browser, " ")
    assert browser.find("#play").get_attribute("aria-pressed") == "true"
    browser.until(lambda: not browser.text("#position").startswith("1 of"))
    browser.find("#play").click()
    assert browser.text("#play") == "Play"
    assert browser.run("return page.timer") is None


def test_click_on_a_mark_selects_its_hook_and_changes_the_address(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    browser.open(page)
    place = place_of(run_of_charms, "treq/0", "install")
    mark = browser.all("#marks .mark")[place]
    ActionChains(browser.driver).move_to_element(mark).click().perform()
    number = run_of_charms["events"][place]["number"]
    assert selected_title(browser) == f"Hook {number}: install"
    assert browser.driver.current_url.endswith(f"#hook-{number}")


def test_address_selects_a_hook_and_links_lead_to_its_causes(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    place = place_of(run_of_charms, "treq/0", "database-relation-changed", **{"remote-unit": ""})
    event = run_of_charms["events"][place]
    browser.open(page, f"#hook-{event['number']}")
    title = selected_title(browser)
    assert title == f"Hook {event['number']}: database-relation-changed database:1"
    assert event["why"]["text"] in browser.text(".why")
    assert len(browser.all(".arrow.cause")) == len(event["why"]["events"]) == 1
    cause = run_of_charms["events"][event["why"]["events"][0]]
    browser.find(f'#details a[href="#hook-{cause["number"]}"]').click()
    browser.until(lambda: selected_title(browser).startswith(f"Hook {cause['number']}: "))
    assert browser.all(f'#details a[href="#hook-{event["number"]}"]')
    assert browser.all(".arrow.triggered")
    browser.driver.back()
    browser.until(lambda: selected_title(browser) == title)


def test_changed_key_of_a_databag_shows_its_old_and_new_value(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    place = place_of(run_of_charms, "tprov/1", "leader-elected")
    browser.open(page, f"#hook-{run_of_charms['events'][place]['number']}")
    (row,) = browser.all("#details tr.changed")
    assert [cell.text for cell in row.find_elements("css selector", "th, td")] == [
        "leader",
        "tprov/0",
        "tprov/1",
    ]
    assert "★ leader" in browser.text("#details")


def test_failed_hook_shows_its_traceback(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    place = place_of(run_of_charms, "fprov/0", "config-changed", error="exit status 1")
    browser.open(page, f"#hook-{run_of_charms['events'][place]['number']}")
    assert "RuntimeError: told to" in browser.text("#details pre.bad")
    mark = browser.all("#marks .mark")[place]
    assert "failed" in (mark.get_attribute("class") or "").split()
    assert mark.text == "!"


def test_filters_dim_marks_and_hide_rows_and_the_buttons_skip_them(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    browser.open(page)
    Select(browser.find("#unit")).select_by_visible_text("tprov/1")
    Select(browser.find("#event")).select_by_visible_text("relation-joined")
    events = run_of_charms["events"]
    wanted = [
        e["number"]
        for e in events
        if e.get("unit") == "tprov/1" and e["hook"].endswith("relation-joined")
    ]
    assert len(browser.all("#marks .mark:not(.dim)")) == len(wanted) == 2
    assert len(browser.all(".hooks tbody tr:not([hidden])")) == 2
    for number in wanted:
        browser.find("#next").click()
        assert selected_title(browser).startswith(f"Hook {number}: ")
    Select(browser.find("#relation")).select_by_visible_text("tprov:replicas")
    assert len(browser.all("#marks .mark:not(.dim)")) == 1
    browser.find("#filters button").click()
    browser.until(lambda: len(browser.all("#marks .mark:not(.dim)")) == len(events))


def test_search_finds_the_hooks_that_wrote_a_key(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    browser.open(page)
    browser.find("#key").send_keys("leader")
    found = [item.text for item in browser.all("#found li")]
    first, second = (
        run_of_charms["events"][place_of(run_of_charms, unit, "leader-elected")]["number"]
        for unit in ("tprov/0", "tprov/1")
    )
    assert found == [
        f"Hook {first} tprov/0: tprov in tprov:replicas: not set → tprov/0",
        f"Hook {second} tprov/1: tprov in tprov:replicas: tprov/0 → tprov/1",
    ]
    browser.find("#found li:nth-child(2) a").click()
    browser.until(lambda: selected_title(browser) == f"Hook {second}: leader-elected")
    browser.find("#key").send_keys("-nobody")
    assert browser.text("#found") == "No event wrote leader-nobody."


def test_graph_shows_the_model_at_each_step(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    browser.open(page)
    assert browser.all("#drawing .application") and "treq" not in browser.text("#drawing svg")
    press(browser, Keys.END)
    shown = browser.run("return document.querySelector('#drawing svg').textContent")
    assert "tprov/1 ★" in shown and "tprov/0" not in shown
    assert "on treq/0" in shown and "logging" in shown and "peers: replicas" in shown
    browser.find("#graph summary").click()
    text = browser.text("#model")
    assert "relation 1: treq:database and tprov:database" in text
    assert "subordinate application tsub: tsub/0 (active: " in text
    assert "leader, on treq/0" in text


HOSTILE = {
    "ends-script": "</script><script>window.broken = 1</script><img src=x onerror=alert(1)>",
    "quotes": "\"'`<!--",
    "bidi": "user\u202etxt.exe\u2066",
    "long": "0123456789" * 10_000,
}


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    file = tmp_path_factory.mktemp("hostile") / "page.html"
    with LocalJuju("4.0", seed=1) as juju:
        juju.deploy(CHARMS / "tprov")
        juju.settle()
        for key, value in HOSTILE.items():
            juju.exec(f"relation-set -r 0 {shlex.quote(f'{key}={value}')}", unit="tprov/0")
            juju.exec(f"juju-log {shlex.quote(value[:200])}", unit="tprov/0")
        juju.exec("status-set active '</script><b>bold</b>'", unit="tprov/0")
        juju.history.page(file, "</title><script>window.broken = 1</script>")
    return file


def test_hostile_data_is_shown_and_never_run(browser: Browser, hostile_page: pathlib.Path) -> None:
    browser.open(hostile_page)
    assert browser.text("h1") == "</title><script>window.broken = 1</script>"
    events = browser.run("return page.run.events.length")
    for _ in range(events):
        browser.find("#next").click()
    browser.find("#key").send_keys("bidi")
    assert "user⟨U+202E⟩txt.exe⟨U+2066⟩" in browser.text("#found")
    browser.find("#found a").click()
    browser.until(lambda: browser.all("#details tr.changed"))
    values = [value.text for value in browser.all("#details td .value")]
    assert HOSTILE["ends-script"] in values and HOSTILE["quotes"] in values
    assert browser.run("return window.broken") is None
    assert not browser.all("img, b, #details script, #drawing script")
    assert len(browser.all("script")) == len(browser.all("script:not(main script)"))


def test_long_value_is_shown_on_demand(browser: Browser, hostile_page: pathlib.Path) -> None:
    browser.open(hostile_page)
    browser.find("#key").send_keys("long")
    browser.find("#found a").click()
    browser.until(lambda: browser.all("#details tr.changed button"))
    button = browser.find("#details tr.changed button")
    assert button.text == "Show all 100,000 characters"
    button.click()
    value = browser.find("#details tr.changed div .value")
    assert value.get_attribute("textContent") == HOSTILE["long"]


def test_page_sends_no_request(browser: Browser, hostile_page: pathlib.Path) -> None:
    browser.open(hostile_page)
    press(browser, Keys.END)
    browser.run("fetch('https://example.com/').catch(() => { window.blocked = true; })")
    browser.until(lambda: browser.run("return window.blocked"))
    assert browser.requests() == [hostile_page.as_uri()]
    errors = browser.new_errors()
    assert errors and all("Content Security Policy" in error for error in errors)


def test_page_shows_a_table_without_javascript(
    browser: Browser, page: pathlib.Path, run_of_charms: Run
) -> None:
    browser.chrome("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page, "#hook-3")
        rows = browser.all(".hooks tbody tr")
        assert len(rows) == len(run_of_charms["events"])
        assert not browser.find("#viewer").is_displayed()
        third = browser.text("#hook-3")
        assert "install" in third and "The unit was added" in third
    finally:
        browser.chrome("Emulation.setScriptExecutionDisabled", value=False)


def test_every_control_has_a_name_for_screen_readers(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page, "#hook-40")
    nodes = browser.chrome("Accessibility.getFullAXTree")["nodes"]
    controls = [
        node
        for node in nodes
        if node.get("role", {}).get("value")
        in ("button", "combobox", "slider", "searchbox", "link", "toolbar", "img")
        and not node.get("ignored")
    ]
    assert len(controls) > 12
    assert [node["role"]["value"] for node in controls if not node["name"]["value"]] == []
    assert browser.find("#details").get_attribute("aria-live") == "polite"
    assert "Hook 40" in (browser.find("#slider").get_attribute("aria-valuetext") or "")


def test_keyboard_reaches_every_control(browser: Browser, page: pathlib.Path) -> None:
    browser.open(page)
    reached: list[str] = []
    for _ in range(14):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        reached.append(browser.run("return document.activeElement.id"))
    controls = [
        "first",
        "previous",
        "play",
        "next",
        "last",
        "slider",
        "unit",
        "relation",
        "event",
        "key",
    ]
    assert [name for name in reached if name in controls] == controls
    assert "lanes" in reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Browser, page: pathlib.Path, scheme: str) -> None:
    """WCAG requires a contrast of at least 4.5 to 1."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.chrome("Emulation.setEmulatedMedia", features=features)
    try:
        browser.open(page, "#hook-55")
        low = browser.run(FIND_LOW_CONTRAST)
    finally:
        browser.chrome("Emulation.setEmulatedMedia", features=[])
    assert low == []


FIND_LOW_CONTRAST = """
const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const channel = (c) => linear(c / 255);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const background = (element) => {
  for (; element; element = element.parentElement) {
    const colour = numbers(getComputedStyle(element).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
const low = [];
const texts = "p, h1, h2, h3, a, td, th, span, summary, button, label";
for (const element of document.querySelectorAll(texts)) {
  if (!element.textContent.trim() || !element.offsetParent) continue;
  const text = luminance(numbers(getComputedStyle(element).color));
  const pair = [text, luminance(background(element))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (ratio < 4.5) low.push(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
}
return [...new Set(low)];
"""


def test_page_fits_a_phone(browser: Browser, page: pathlib.Path) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.chrome("Emulation.setDeviceMetricsOverride", **size)
    try:
        browser.open(page, "#hook-40")
        assert browser.run("return document.documentElement.scrollWidth") <= 390
        assert browser.find("#next").is_displayed() and browser.find("#slider").is_displayed()
    finally:
        browser.chrome("Emulation.clearDeviceMetricsOverride")


def test_two_runs_are_shown_side_by_side(browser: Browser, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "both.html"
    recordings = CHARMS.parent / "recordings"
    both = [str(recordings / f"hooks-{series}.jsonl") for series in ("3.6", "4.0")]
    assert main([*both, "--output", str(file)]) == 0
    browser.open(file, "#b-hook-60")
    assert Select(browser.find("#run")).first_selected_option.text == "Juju 4.0"
    lanes = [lane.text.split("\n") for lane in browser.all("#names div")]
    assert lanes[:2] == [["$ juju", "Juju 3.6"], ["Juju 4.0"]]
    assert len(lanes) % 2 == 0
    first, second = browser.run(
        "return [0, 1].map((run) => page.runs[run].events"
        ".filter((event) => event.kind === 'command')"
        ".map((event) => page.timeline.columns[run][event.at]))"
    )
    assert first == second
    only = browser.run(
        "return [...document.querySelectorAll('.mark:has(.only) title')].map((t) => t.textContent)"
    )
    assert any("leader-settings-changed" in title for title in only)
    assert any("logging-relation-joined logging:2 tsub/0" in title for title in only)
    Select(browser.find("#run")).select_by_visible_text("Juju 3.6")
    assert browser.driver.current_url.endswith("#hook-60")


def test_page_with_two_thousand_hooks_opens_a_hook(
    browser: Browser, long_page: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The test prints times, but does not check them, because they depend on the machine."""
    browser.open(long_page, "#hook-1500")
    assert selected_title(browser).startswith("Hook 1500: ")
    opened = browser.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    steps = browser.run(
        "const start = performance.now();"
        "for (let n = 0; n < 50; n += 1) page.step(1);"
        "return (performance.now() - start) / 50"
    )
    frames = browser.driver.execute_async_script(
        "const done = arguments[0]; const lanes = document.getElementById('lanes');"
        "lanes.style.scrollBehavior = 'auto'; const times = []; let last;"
        "const frame = (now) => { if (last) times.push(now - last); last = now;"
        "  lanes.scrollLeft += 40;"
        "  times.length < 120 ? requestAnimationFrame(frame) : done(times); };"
        "requestAnimationFrame(frame)"
    )
    with capsys.disabled():
        print(
            f"\n2,000 hooks, {long_page.stat().st_size / 1e6:.1f} MB: opened in {opened:.0f} ms; "
            f"a step takes {steps:.1f} ms; while the page scrolls, a frame takes "
            f"{sorted(frames)[len(frames) // 2]:.1f} ms, and at most {max(frames):.0f} ms"
        )
