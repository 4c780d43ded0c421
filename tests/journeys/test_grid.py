"""A page of proposals at a time: every tile is a decision of its own, made exactly once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import func, select, update

from app.db.tables import Decision, Image, Project, Proposal, Round, RoundCategory, User
from app.domain.round import RoundState
from tests import factories
from tests.journeys import board, seat
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, Look, name_of

pytestmark = pytest.mark.slow
SIZE = 12
Made = factories.Labeling
Grid = Callable[..., Made]


@pytest.fixture
def grid(server: Server, labeling: Callable[..., Made]) -> Grid:
    """A project whose categories may be labeled a page at a time, for labelers with small pages.

    Categories come in the order of their names: Alpine aster is the first.
    """

    def make(mostly: str = "yes", *, proposals: int = 2 * SIZE, size: int = SIZE) -> Made:
        made = labeling(proposals=proposals, exemplars=2)
        limits = {"grid_above": 0.5, "grid_below": None}
        if mostly == "no":
            limits = {"grid_above": None, "grid_below": 0.95}
        with server.sessions.begin() as session:
            session.add_all(
                RoundCategory(
                    round_id=made.round_id,
                    category_id=category_id,
                    proposals=proposals,
                    expected_precision=0.7,
                )
                for category_id in made.category_ids
            )
            session.execute(update(Project).where(Project.id == made.project_id).values(limits))
            session.execute(
                update(User)
                .where(User.login.in_([login_of(name, made) for name in ("ada", "bert")]))
                .values(preferences={"grid_size": size})
            )
        return made

    return make


def take_grid(visit: Visit, made: Made, name: str = "ada", **options: object) -> Page:
    return visit(f"/projects/{made.slug}/label/grid", login_of(name, made), **options)


def decided(server: Server, made: Made) -> dict[int, str]:
    """The answers in force by proposal; fails when a proposal has more than one of them.

    Out of the decisions: an unsure proposal has no answer, it goes to another labeler.
    """
    undone = select(Decision.undoes_id).where(Decision.undoes_id.is_not(None))
    with server.sessions() as session:
        rows = session.execute(
            select(Decision.proposal_id, Decision.answer)
            .join(Proposal, Proposal.id == Decision.proposal_id)
            .where(
                Proposal.round_id == made.round_id,
                Decision.answer != "undo",
                Decision.id.not_in(undone),
            )
        ).all()
    assert len({proposal for proposal, _ in rows}) == len(rows)
    return dict(rows)  # type: ignore[arg-type]


def with_answers(proposals: list[int], answer: str, **others: list[int]) -> dict[int, str]:
    """Every proposal with `answer`, those at the places named in `others` with that answer."""
    given = dict.fromkeys(proposals, answer)
    for word, places in others.items():
        given |= {proposals[place]: word for place in places}
    return given


def test_keys_mark_the_wrong_ones_and_confirm_the_page(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid()
    page = take_grid(visit, made)
    expect(page.locator("#question")).to_have_text("Which of these are not Alpine aster?")
    expect(page.locator("#exemplars img")).to_have_count(2)
    first = board.look(page)
    assert len(first) == SIZE
    assert board.focused(page) == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert board.states(page) == "pwwww" + "p" * 7
    page.keyboard.press("Shift+ArrowLeft")  # a range that shrinks gives back what it took
    assert board.states(page) == "pwww" + "p" * 8
    page.keyboard.press("End")
    page.keyboard.press("u")
    name = page.locator(".tile").last
    expect(name).to_have_attribute("aria-label", f"Picture {SIZE} of {SIZE}, unsure")
    expect(page.locator(".tile").nth(2)).to_have_attribute(
        "aria-label", f"Picture 3 of {SIZE}, marked wrong"
    )
    expect(page.locator("#counts")).to_have_text("8 yes, 3 no, 1 unsure")
    assert board.confirm(page) == first
    seat.all_saved(page)
    assert decided(server, made) == with_answers(first, "yes", no=[1, 2, 3], unsure=[SIZE - 1])
    second = board.tiles(page)
    assert not set(first) & set(second)
    assert board.focused(page) == 0
    # What is unsure is not decided: it goes to another labeler.
    expect(page.locator("#progress-text")).to_have_text(f"11 of {4 * SIZE}, yours 12")


def test_arrows_move_by_rows_and_shift_takes_whole_rows(grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.look(page)
    across = board.columns(page)
    assert 1 < across < SIZE
    page.keyboard.press("ArrowDown")
    assert board.focused(page) == across
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # there is nothing above
    assert board.focused(page) == 0
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    assert board.states(page) == "w" * (across + 1) + "p" * (SIZE - across - 1)
    page.keyboard.press("Space")  # a mark is taken back
    page.keyboard.press("Shift+ArrowUp")  # and so is a range of marks
    assert board.states(page) == "p" * SIZE
    page.keyboard.press("a")
    assert board.states(page) == "w" * SIZE
    page.wait_for_timeout(seat.AUTOREPEAT)
    page.keyboard.press("a")
    assert board.states(page) == "p" * SIZE


def test_clicks_with_shift_mark_all_between(grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.look(page)
    page.locator(".tile").nth(2).click()
    page.locator(".tile").nth(5).click(modifiers=["Shift"])
    assert board.states(page) == "ppwwww" + "p" * 6
    page.locator(".tile").nth(3).click()
    assert board.states(page) == "ppwpww" + "p" * 6


def test_where_most_are_wrong_the_right_ones_are_marked(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid("no")
    page = take_grid(visit, made)
    expect(page.locator("#question")).to_have_text("Which of these are Alpine aster?")
    first = board.look(page)
    page.keyboard.press("Space")
    expect(page.locator(".tile").first).to_have_attribute(
        "aria-label", f"Picture 1 of {SIZE}, marked right"
    )
    board.confirm(page)
    seat.all_saved(page)
    assert decided(server, made) == with_answers(first, "no", yes=[0])


def test_enter_twice_or_held_confirms_one_page(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.tiles(page)
    page.keyboard.press("Enter")  # too early: nobody has looked at it
    first = board.look(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.down("Enter")
        page.wait_for_timeout(33)
    page.keyboard.up("Enter")
    seat.all_saved(page)
    assert decided(server, made) == with_answers(first, "yes")
    second = board.look(page)
    page.locator("#confirm").dblclick(delay=20)
    seat.all_saved(page)
    assert decided(server, made) == with_answers([*first, *second], "yes")


def test_enter_on_a_button_presses_only_that_button(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.look(page)
    page.locator("#all").focus()
    page.keyboard.press("Enter")
    assert board.states(page) == "w" * SIZE
    assert decided(server, made) == {}


def test_a_reload_shows_the_same_page_with_its_marks(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.confirm(page)
    before = board.tiles(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    for _ in range(2):
        page.reload()
        assert board.look(page) == before
        assert board.states(page) == "pwu" + "p" * 9
    seat.all_saved(page)
    page.keyboard.press("Enter")
    seat.all_saved(page)
    kept = decided(server, made)
    assert {each: kept[each] for each in before} == with_answers(before, "yes", no=[1], unsure=[2])
    assert len(kept) == 2 * SIZE


def test_undo_brings_the_whole_page_back(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    first = board.look(page)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    board.confirm(page)
    second = board.look(page)
    seat.all_saved(page)
    page.keyboard.press("z")
    board.said(page, f"Here are these {SIZE} pictures again")
    assert board.look(page) == first
    assert board.states(page) == "wu" + "p" * 10
    assert decided(server, made) == {}
    page.keyboard.press("Space")  # one tile is answered otherwise
    board.confirm(page)
    assert board.confirm(page) == second
    seat.all_saved(page)
    assert decided(server, made) == with_answers([*first, *second], "yes", unsure=[1])
    page.reload()
    page.wait_for_selector(".tile")
    page.keyboard.press("z")  # it reaches across the reload
    board.said(page, "again")
    assert board.look(page) == second


def test_pages_confirmed_offline_arrive_once(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid(proposals=3 * SIZE)
    page = take_grid(visit, made)
    board.tiles(page)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    first = board.confirm(page)
    second = board.look(page)
    page.keyboard.press("Space")
    board.confirm(page)
    expect(page.locator("#sync")).to_have_text(f"Offline, {2 * SIZE} waiting")
    assert decided(server, made) == {}
    page.keyboard.press("z")  # that page was never sent: it comes back without the network
    expect(page.locator("#sync")).to_have_text(f"Offline, {SIZE} waiting")
    assert board.look(page) == second
    page.keyboard.press("u")
    board.confirm(page)
    page.context.set_offline(False)
    seat.all_saved(page)
    assert decided(server, made) == with_answers([*first, *second], "yes", unsure=[SIZE])


def test_a_lost_response_is_asked_for_again_with_the_same_keys(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid()
    page = take_grid(visit, made)
    keys: list[list[str]] = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append([each["key"] for each in route.request.post_data_json["decisions"]])
        answer = route.fetch()
        if len(keys) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    page.route(f"**/projects/{made.slug}/decisions", lose_the_first_answer)
    first = board.confirm(page)
    seat.all_saved(page)
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == SIZE
    assert decided(server, made) == with_answers(first, "yes")


def test_the_other_page_sends_what_this_one_left(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    page.route(f"**/projects/{made.slug}/decisions", lambda route: route.abort())
    first = board.confirm(page)
    assert seat.unsent(page) == SIZE
    page.goto(f"/projects/{made.slug}/label")
    seat.all_saved(page)
    assert decided(server, made) == with_answers(first, "yes")


def test_two_labelers_get_different_pictures(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid(proposals=5 * SIZE)
    pages = [take_grid(visit, made, name) for name in ("ada", "bert")]
    mine = [board.confirm(page) for page in pages]
    assert not set(mine[0]) & set(mine[1])
    for page in pages:
        seat.all_saved(page)
    assert decided(server, made) == with_answers([*mine[0], *mine[1]], "yes")


def test_two_tabs_get_different_pages(grid: Grid, visit: Visit) -> None:
    made = grid(proposals=5 * SIZE)
    page = take_grid(visit, made)
    first = board.tiles(page)
    copied = page.evaluate("JSON.stringify({...sessionStorage})")
    other = page.context.new_page()
    # A duplicated tab begins with a copy of the session storage.
    other.add_init_script(
        f"for (const [k, v] of Object.entries({copied})) sessionStorage.setItem(k, v)"
    )
    other.goto(page.url)
    assert not set(first) & set(board.tiles(other))


def take_away(server: Server, made: Made, proposals: list[int]) -> None:
    """The leases ran out, and another labeler was given these."""
    with server.sessions.begin() as session:
        bert = session.scalars(select(User.id).where(User.login == login_of("bert", made))).one()
        session.execute(
            update(Proposal)
            .where(Proposal.id.in_(proposals))
            .values(
                lease_user_id=bert,
                lease_token="other",
                lease_client="other",
                lease_expires_at=datetime.now(UTC) + timedelta(minutes=5),
            )
        )


def test_two_lost_tiles_are_said_and_the_others_count(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid()
    page = take_grid(visit, made)
    first = board.look(page)
    take_away(server, made, first[3:5])
    board.confirm(page)
    board.said(page, "2 pictures went to another labeler")
    seat.all_saved(page)
    kept = [each for each in first if each not in first[3:5]]
    assert decided(server, made) == with_answers(kept, "yes")


def test_after_a_sleep_lost_tiles_are_shown_as_lost(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid(proposals=3 * SIZE)
    page = visit("/", login_of("ada", made))
    page.clock.install()
    # All three pages: one that is leased after the others ran out would take theirs.
    answers = count(1)
    with page.expect_response(
        lambda response: response.url.endswith("/proposals/lease") and next(answers) == 3
    ):
        page.goto(f"/projects/{made.slug}/label/grid")
    first = board.tiles(page)
    with server.sessions.begin() as session:
        session.execute(
            update(Proposal)
            .where(Proposal.round_id == made.round_id)
            .values(lease_expires_at=datetime.now(UTC) - timedelta(minutes=1))
        )
    take_away(server, made, first[:2])
    page.clock.fast_forward("20:00")
    page.keyboard.press("ArrowRight")  # somebody is here again
    expect(page.locator("#toast")).to_have_text(re.compile("^2 pictures went to another labeler"))
    assert board.states(page)[:SIZE] == "gg" + "p" * 10
    board.confirm(page)
    seat.all_saved(page)
    kept = decided(server, made)
    assert set(first[2:]) <= set(kept)
    assert not set(first[:2]) & set(kept)


def test_a_picture_that_does_not_load_is_left_out(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid()
    with server.sessions() as session:
        chosen = session.get_one(Proposal, made.proposal_ids[2 * SIZE + 1])
        broken = session.get_one(Image, chosen.image_id).sha256
    page = visit("/", login_of("ada", made))
    page.route(f"**/{broken}/**", lambda route: route.abort())
    page.goto(f"/projects/{made.slug}/label/grid")
    expect(page.locator(".tile[data-state=broken]")).to_have_count(1)
    first = board.look(page)
    place = first.index(made.proposal_ids[2 * SIZE + 1])
    page.keyboard.press("a")
    board.confirm(page)
    seat.all_saved(page)
    assert decided(server, made) == with_answers(first, "no", unsure=[place])


def test_pictures_on_their_way_cannot_be_confirmed(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid()
    page = visit("/", login_of("ada", made))
    held: list[Route] = []
    page.route("**/images/*/*", lambda route: held.append(route))  # noqa: PLW0108 - the route is looked at
    page.goto(f"/projects/{made.slug}/label/grid")
    page.wait_for_selector(".tile")
    page.wait_for_timeout(board.GUARD)
    page.keyboard.press("Enter")
    board.said(page, "still on their way")
    assert decided(server, made) == {}


def test_the_next_page_is_decoded_before_it_is_needed(grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.look(page)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Enter")
    # Shown in the very task that handled the key, and not fetched for it.
    assert page.locator(".tile.waiting").count() == 0
    shown = page.eval_on_selector_all(".tile img", "all => all.map(image => image.src)")
    assert len(shown) == SIZE
    assert not set(shown) & set(asked)


def test_a_category_that_is_done_leads_to_the_next_and_then_to_single(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid(proposals=SIZE + 2)
    page = take_grid(visit, made)
    sizes = [len(board.confirm(page)) for _ in range(2)]
    assert sizes == [SIZE, 2]
    board.said(page, "Another category now: Spring gentian")
    expect(page.locator("#question")).to_have_text("Which of these are not Spring gentian?")
    board.confirm(page)
    board.confirm(page)
    expect(page.locator("#rest-title")).to_have_text("No further page")
    seat.all_saved(page)
    assert len(decided(server, made)) == 2 * (SIZE + 2)
    page.get_by_role("button", name="Undo the last page").click()
    assert len(board.tiles(page)) == 2
    board.confirm(page)
    page.get_by_role("link", name="One at a time").last.click()
    page.wait_for_url(f"**/projects/{made.slug}/label")


def test_the_address_names_the_category(grid: Grid, visit: Visit) -> None:
    made = grid()
    second = made.category_ids[0]
    page = visit(f"/projects/{made.slug}/label/grid?category={second}", login_of("ada", made))
    expect(page.locator("#question")).to_have_text("Which of these are not Spring gentian?")


def test_a_round_that_closes_meanwhile_is_said(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.look(page)
    with server.sessions.begin() as session:
        session.execute(
            update(Round).where(Round.id == made.round_id).values(state=RoundState.CLOSED)
        )
    page.keyboard.press("Enter")
    board.said(page, "Round 1 is over")
    expect(page.locator("#rest-title")).to_have_text("No further page")
    assert seat.unsent(page) == 0
    assert decided(server, made) == {}


def test_without_leave_the_page_leads_back(
    server: Server, labeling: Callable[..., Made], visit: Visit
) -> None:
    made = labeling(proposals=SIZE)
    with server.sessions.begin() as session:
        session.execute(
            update(Project)
            .where(Project.id == made.project_id)
            .values(grid_above=None, grid_below=None)
        )
    page = take_grid(visit, made)
    expect(page.locator("#rest-title")).to_have_text("No further page")
    page.keyboard.press("g")
    page.wait_for_url(f"**/projects/{made.slug}/label")
    assert seat.shown(page) is not None


def test_g_leads_from_one_at_a_time_to_the_grid_and_back(
    server: Server, grid: Grid, visit: Visit
) -> None:
    made = grid(proposals=SIZE)
    page = visit(f"/projects/{made.slug}/label", login_of("ada", made))
    before = seat.shown(page)
    page.keyboard.press("g")
    page.wait_for_url(f"**/label/grid?category={made.category_ids[0]}")
    expect(page.locator("#question")).to_have_text("Which of these are not Spring gentian?")
    # What one at a time had leased was given back: the whole category is here.
    assert sorted(board.tiles(page)) == sorted(made.proposal_ids[:SIZE])
    page.keyboard.press("g")
    page.wait_for_url(f"**/projects/{made.slug}/label")
    assert seat.shown(page) == before
    assert decided(server, made) == {}
    with server.sessions.begin() as session:
        session.execute(
            update(Project)
            .where(Project.id == made.project_id)
            .values(grid_above=None, grid_below=None)
        )
    page.reload()
    assert seat.shown(page) == before
    expect(page.locator("#grid-link")).to_be_hidden()
    page.keyboard.press("g")  # where the lead does not allow it, it means nothing
    assert seat.shown(page) == before


def test_a_tile_enlarges_with_its_marks(grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.look(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("o")
    dialog = page.locator("#large")
    expect(dialog.locator("#large-title")).to_have_text(f"Picture 2 of {SIZE}")
    page.keyboard.press("Space")
    expect(dialog.locator("#large-title")).to_have_text(f"Picture 2 of {SIZE}, marked wrong")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    page.keyboard.press("+")
    expect(dialog.locator("#large-picture")).to_have_class("pane-box zoomed")
    dialog.locator("#large-beside button").first.click()
    expect(dialog.locator("#large-example img")).to_be_visible()
    page.keyboard.press("Escape")
    assert board.states(page) == "pwu" + "p" * 9
    expect(page.locator(".tile").nth(2)).to_be_focused()


def test_a_tap_marks_and_a_long_one_enlarges(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid()
    screen = {"viewport": {"width": 390, "height": 560}, "has_touch": True, "is_mobile": True}
    page = take_grid(visit, made, **screen)
    first = board.look(page)
    assert width_too_much(page) == 0
    page.locator(".tile").nth(1).tap()
    assert board.states(page) == "pw" + "p" * 10
    page.locator("#confirm").tap()
    board.said(page, "more pictures on this page")  # what was never on the screen was not judged
    assert decided(server, made) == {}
    page.locator(".tile").last.scroll_into_view_if_needed()
    page.mouse.wheel(0, 2000)
    page.wait_for_timeout(200)
    page.locator("#confirm").tap()
    seat.all_saved(page)
    assert decided(server, made) == with_answers(first, "yes", no=[1])
    board.tiles(page)
    page.locator(".tile").nth(2).dispatch_event("pointerdown", {"pointerType": "touch"})
    expect(page.locator("#large-title")).to_have_text(f"Picture 3 of {SIZE}")


def width_too_much(page: Page) -> int:
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


@pytest.mark.parametrize("width", [390, 320])
def test_no_sideways_scrolling_on_a_phone(grid: Grid, visit: Visit, width: int) -> None:
    made = grid(size=24)
    screen = {"viewport": {"width": width, "height": 844}, "has_touch": True}
    page = take_grid(visit, made, **screen)
    board.tiles(page)
    assert width_too_much(page) == 0
    assert board.columns(page) >= 2
    for name in ("undo", "all", "unsure", "enlarge", "confirm"):
        expect(page.locator(f"#{name}")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("size", [12, 24, 36, 60])
def test_a_page_fits_the_window(grid: Grid, visit: Visit, size: int) -> None:
    made = grid(size=size, proposals=size)
    page = take_grid(visit, made, viewport={"width": 1440, "height": 900})
    assert len(board.tiles(page)) == size
    for place in (0, size - 1):
        expect(page.locator(".tile").nth(place)).to_be_in_viewport(ratio=1)
    height = "element => element.scrollHeight - element.clientHeight"
    assert page.locator("#board").evaluate(height) <= 0


def test_every_tile_has_a_key_of_its_own(server: Server, grid: Grid, visit: Visit) -> None:
    made = grid()
    page = take_grid(visit, made)
    board.confirm(page)
    seat.all_saved(page)
    with server.sessions() as session:
        rows = session.execute(
            select(
                func.count(),
                func.count(Decision.idempotency_key.distinct()),
                func.min(Decision.seconds),
            )
            .join(Proposal, Proposal.id == Decision.proposal_id)
            .where(Proposal.round_id == made.round_id)
        ).one()
    assert rows[:2] == (SIZE, SIZE)
    assert rows[2] > 0


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_the_grid_is_for_everyone(grid: Grid, visit: Visit, look: Look) -> None:
    made = grid()
    page = take_grid(visit, made, **look)
    board.tiles(page)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft" if look["locale"] == "ar" else "ArrowRight")
    assert board.focused(page) == 1
    page.keyboard.press("u")
    assert_accessible(page)
    for key in ("o", "?"):
        page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()
        assert_accessible(page)
        page.keyboard.press("Escape")
