"""A participant in a real browser, at two sizes, by pointer and by keyboard.

STUDY_SCREENSHOTS=folder keeps a screenshot of every page.
"""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from synthderm.study.store import Store
from synthderm.study.study_folder import Study

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 640}}
ON_PHONE = pytest.mark.parametrize("page", ["phone"], indirect=True)
ON_DESKTOP = pytest.mark.parametrize("page", ["desktop"], indirect=True)


@pytest.fixture(params=SIZES)
def page(request, chromium, folder) -> Page:
    """A page of either size that notes every request, console error and horizontal overflow."""
    phone = request.param == "phone"
    context = chromium.new_context(
        viewport=SIZES[request.param], has_touch=phone, is_mobile=phone, device_scale_factor=2
    )
    page = context.new_page()
    page.size = request.param
    page.addresses, page.complaints = [], []
    page.on("request", lambda sent: page.addresses.append(sent.url))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda line: line.type == "error" and page.complaints.append(line.text))
    yield page
    context.close()


def shoot(page: Page, name: str) -> None:
    """The page does not scroll sideways; takes a screenshot if they are wanted."""
    widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    content, screen = page.evaluate(widths)
    assert content <= screen, f"{name} is wider than the screen"
    if folder := os.environ.get("STUDY_SCREENSHOTS"):
        page.wait_for_load_state("networkidle")
        page.screenshot(path=Path(folder) / f"{page.size}-{name}.png", full_page=True)


def agree(page: Page, link: str) -> None:
    page.goto(link)
    begin = page.get_by_role("button", name="Start")
    expect(begin).to_be_disabled()
    shoot(page, "1-consent")
    page.get_by_role("checkbox").check()
    begin.click()
    page.wait_for_url(re.compile("/p/"))


def heading(page: Page):
    return page.get_by_role("heading", level=1)


def wait_for_view(page: Page) -> str:
    """ "intro", "trial" or "end", once it is there and, for a trial, ready."""
    page.locator(
        "main:is([data-view=intro], [data-view=end], [data-view=trial]:has(button.choice:enabled))"
    ).wait_for()
    return page.locator("main").get_attribute("data-view")


def number(page: Page) -> int:
    return int(re.match(r"Question (\d+) of", page.locator(".progress span").inner_text()).group(1))


def leave(page: Page, now: int) -> None:
    """Wait until question `now` is gone."""
    page.locator(".progress span", has_text=f"Question {now} of").wait_for(state="detached")


def go_through(page: Page, answer, until: int | None = None) -> list[str]:
    """Answer trials with `answer` up to question `until`, or to the end.

    Returns the views on the way: "intro", "check", or the number of images in a trial.
    """
    views = []
    while (view := wait_for_view(page)) != "end":
        expect(heading(page)).to_be_focused()
        if view == "intro":
            shoot(page, f"2-intro-{len(views):02}")
            answer(page, "intro")
            page.wait_for_selector("main[data-view=trial]")
        else:
            now = number(page)
            if until == now:
                return views
            card = page.locator(".card")
            kind = "check" if card.count() else str(page.locator("main img").count())
            if kind not in views:
                shoot(page, f"3-trial-{kind}")
            views.append(kind)
            answer(page, card.inner_text() if kind == "check" else "trial")
            leave(page, now)
            continue
        views.append(view)
    return views


def by_pointer(page: Page, what: str) -> None:
    """Touch on a phone, a mouse elsewhere; attention checks are answered as they ask."""
    press = "tap" if page.size == "phone" else "click"
    if what == "intro":
        getattr(page.get_by_role("button", name="Start this part"), press)()
        return
    buttons = page.locator("button.choice")
    button = buttons.nth(1)
    if wanted := re.search("choose “(.+)”", what):
        button = page.get_by_role("button", name=wanted.group(1), exact=True)
    box = button.bounding_box()
    assert box["height"] >= 44 and box["width"] >= 44, "too small for a finger"
    getattr(button, press)()


def by_keyboard(page: Page, what: str) -> None:
    """Arrow keys for trials; Tab and Enter for everything else."""
    if what == "intro":
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "Start this part":
                break
        page.keyboard.press("Enter")
    else:
        wanted = re.search("choose “(.+)”", what)
        labels = page.locator("button.choice").all_inner_texts()
        is_left = wanted and labels[0] == wanted.group(1)
        page.keyboard.press("ArrowLeft" if is_left else "ArrowRight")


def answers_of(folder: Path) -> list[tuple]:
    store = Store(Study(folder).database)
    try:
        return store.answers()
    finally:
        store.close()


def test_a_whole_study_by_mouse_or_touch(page, folder, start):
    server = start(folder)
    agree(page, server.link)
    views = go_through(page, by_pointer)
    shoot(page, "5-done")
    expect(heading(page)).to_have_text("Thank you!")
    study = Study(folder)
    length = study.settings.plan.length
    assert views.count("intro") == 3 and views.count("check") == 3 and len(views) == length + 3
    assert [row[:2] for row in answers_of(folder)] == [(1, position) for position in range(length)]
    for answer, trial in zip(answers_of(folder), study.trials[1], strict=True):
        assert trial.kind != "check" or answer.choice == trial.answer
    elsewhere = [url for url in page.addresses if not url.startswith(server.base + "/")]
    assert page.addresses and not elsewhere
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.complaints == []


def test_the_whole_study_with_the_keyboard_alone(page, folder, start):
    server = start(folder)
    page.goto(server.link)
    page.keyboard.press("Tab")
    expect(page.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/p/"))
    go_through(page, by_keyboard)
    expect(heading(page)).to_have_text("Thank you!")
    rows = answers_of(folder)
    assert len(rows) == Study(folder).settings.plan.length
    assert all(0 < milliseconds < 60_000 for *_, milliseconds in rows)


def test_reload_close_and_server_restart_in_the_middle(page, folder, start):
    server = start(folder)
    agree(page, server.link)
    go_through(page, by_pointer, until=4)
    page.reload()
    wait_for_view(page)
    assert number(page) == 4, "a reload shows the same trial"

    server.kill()
    page.locator("button.choice").first.click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    shoot(page, "4-problem")
    assert number(page) == 4
    start(folder, server.port)
    again.click()
    leave(page, 4)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_role("alert")).to_be_empty()
    assert len(answers_of(folder)) == 4

    link = page.url
    page.goto("about:blank")
    page.goto(link)
    go_through(page, by_pointer)
    expect(heading(page)).to_have_text("Thank you!")
    assert len(answers_of(folder)) == Study(folder).settings.plan.length


@ON_PHONE
def test_a_locked_database_is_shown_and_the_answer_can_be_sent_again(page, folder, start):
    server = start(folder)
    agree(page, server.link)
    go_through(page, by_pointer, until=2)
    blocker = Store(folder / "answers.sqlite")
    blocker.database.writer.execute("BEGIN IMMEDIATE")
    page.locator("button.choice").first.click()
    expect(page.get_by_role("alert")).to_contain_text("This is not saved yet", timeout=15_000)
    assert len(blocker.answers()) == 1
    blocker.database.writer.execute("ROLLBACK")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_be_empty()
    assert len(blocker.answers()) == 2
    blocker.close()


@ON_PHONE
def test_an_impatient_double_click_counts_once(page, folder, start):
    server = start(folder)
    agree(page, server.link)
    go_through(page, by_pointer, until=2)
    page.locator("button.choice").first.dblclick()
    leave(page, 2)
    wait_for_view(page)
    assert len(answers_of(folder)) == 2


@ON_PHONE
def test_withdrawing_deletes_the_answers(page, folder, start):
    server = start(folder)
    agree(page, server.link)
    go_through(page, by_pointer, until=3)
    link = page.url
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("summary").click()
    page.get_by_role("button", name="Delete my answers").click()
    expect(heading(page)).to_have_text("Your answers are deleted")
    assert answers_of(folder) == []
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_role("alert")).to_contain_text("not known")


@ON_DESKTOP
def test_a_screen_reader_hears_what_is_needed(page, folder, start):
    server = start(folder)
    agree(page, server.link)
    wait_for_view(page)
    assert page.evaluate("document.documentElement.lang") == "en"
    by_pointer(page, "intro")
    page.wait_for_selector("main[data-view=trial]")
    assert wait_for_view(page) == "trial"
    assert page.locator("h1").count() == 1
    assert all(alt for alt in page.evaluate("[...document.images].map(image => image.alt)"))
    named = (
        "element => element.textContent || element.labels?.length ||"
        " element.getAttribute('aria-labelledby')"
    )
    assert page.evaluate(f"[...document.querySelectorAll('button, input')].every({named})")
    assert page.locator("[role=alert]").count() == 1 and page.locator("[role=status]").count() == 1
    snapshot = page.locator("main").aria_snapshot()
    assert "heading" in snapshot and "button" in snapshot and "img" in snapshot


@ON_PHONE
def test_a_picture_with_a_time_limit_disappears_and_stays_away(page, folder, start):
    settings = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(settings | {"seconds": 1.5}))
    server = start(folder)
    agree(page, server.link)
    assert wait_for_view(page) == "intro"
    expect(page.locator(".limit")).to_contain_text("1.5 seconds")
    by_pointer(page, "intro")
    page.locator("main[data-view=trial] img").first.wait_for()
    expect(page.locator(".card")).to_contain_text("The time for this picture is over")
    assert page.locator("main img").count() == 0
    page.reload()
    wait_for_view(page)
    expect(page.locator(".card")).to_contain_text("The time for this picture is over")
    assert page.locator("main img").count() == 0, "a reload shows it again"
    page.locator("button.choice").first.tap()
    leave(page, 1)
    assert len(answers_of(folder)) == 1
