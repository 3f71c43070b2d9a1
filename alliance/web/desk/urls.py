"""Addresses of the organiser's desk. Fixed words come first: no campaign may be named so."""

from django.urls import path, re_path

from alliance.web.desk import (
    apply,
    endorsements,
    gifts,
    goals,
    history,
    links,
    overview,
    page,
    pictures,
    states,
    team,
)

app_name = "desk"
urlpatterns = [
    path("", apply.campaigns, name="campaigns"),
    path("apply/", apply.apply, name="apply"),
    path("invitation/<str:token>/", team.invitation, name="invitation"),
    path("<slug:slug>/", overview.overview, name="overview"),
    path("<slug:slug>/gifts/", gifts.gifts, name="gifts"),
    path("<slug:slug>/gifts/donors/", gifts.donors, name="donors"),
    path("<slug:slug>/gifts/donors/<int:pk>/", gifts.donor, name="donor"),
    path("<slug:slug>/gifts/offline/", gifts.offline, name="offline"),
    path("<slug:slug>/gifts/export/", gifts.export, name="export"),
    path("<slug:slug>/gifts/<str:reference>/", gifts.gift, name="gift"),
    path("<slug:slug>/gifts/<str:reference>/thank/", gifts.thank, name="thank"),
    path("<slug:slug>/gifts/<str:reference>/refund/<int:payment>/", gifts.refund, name="refund"),
    path("<slug:slug>/links/", links.links, name="links"),
    path("<slug:slug>/links/make/", links.make, name="make_link"),
    re_path(
        r"^(?P<slug>[-\w]+)/links/(?P<code>[-\w]+)/qr\.(?P<kind>svg|png)$", links.qr, name="qr"
    ),
    path("<slug:slug>/page/", page.page, name="page"),
    path("<slug:slug>/page/preview/", page.preview, name="preview"),
    path("<slug:slug>/page/pictures/", pictures.pictures, name="pictures"),
    path("<slug:slug>/page/pictures/story/", pictures.story_picture, name="story_picture"),
    path("<slug:slug>/page/goals/", goals.goals, name="goals"),
    path("<slug:slug>/page/goals/<int:pk>/", goals.goal, name="goal"),
    path("<slug:slug>/page/goals/<int:pk>/move/", goals.move_goal, name="move_goal"),
    path("<slug:slug>/page/goals/<int:pk>/delete/", goals.delete_goal, name="delete_goal"),
    path("<slug:slug>/page/endorsements/", endorsements.endorsements, name="endorsements"),
    path("<slug:slug>/page/endorsements/<int:pk>/", endorsements.endorsement, name="endorsement"),
    path(
        "<slug:slug>/page/endorsements/<int:pk>/delete/",
        endorsements.delete_endorsement,
        name="delete_endorsement",
    ),
    path("<slug:slug>/page/history/", history.history, name="history"),
    path("<slug:slug>/page/history/<int:number>/", history.version, name="version"),
    path("<slug:slug>/page/history/<int:number>/restore/", history.restore, name="restore"),
    path("<slug:slug>/page/state/", states.state, name="state"),
    path("<slug:slug>/page/state/key/", page.new_key, name="new_key"),
    path("<slug:slug>/page/state/end/", states.end, name="end"),
    path("<slug:slug>/page/state/<str:name>/", states.move, name="move"),
    path("<slug:slug>/team/", team.team, name="team"),
    path("<slug:slug>/team/invite/", team.invite, name="invite"),
    path("<slug:slug>/team/leave/", team.leave, name="leave"),
    path("<slug:slug>/team/<int:pk>/role/", team.change_role, name="member_role"),
    path("<slug:slug>/team/<int:pk>/remove/", team.remove, name="member_remove"),
    path("<slug:slug>/team/asked/<int:pk>/withdraw/", team.withdraw, name="withdraw"),
]
