"""KuaiRec, KuaiRand, Last.fm, YouTube, MovieLens latest: facts of the cards, other formats."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import chisquare

from causalrec_utils import assets, datasets

KUAIRAND = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,"
    "is_hate,long_view,play_time_ms,duration_ms,profile_stay_time,comment_stay_time,"
    "is_profile_enter,is_rand,tab\n"
    "0,7,20220422,100,1650556800000,1,0,0,0,0,0,1,12500,10000,0,0,0,1,4\n"
    "3,8,20220422,100,1650556801000,0,0,0,0,0,0,0,0,20000,0,0,0,1,4\n"
)
SMALL_MATRIX = (
    "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
    "14,148,4381,6067,2020-07-05 05:27:48.378,20200705.0,1593898068.378,0.7221\n"
    "14,183,11635,6100,,,,1.9074\n"
)


def place(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def test_kuairec(real):
    real("kuairec")
    watched = datasets.load_kuairec()
    assert watched["user"].nunique() == 1411
    assert watched.groupby("user").size().unique().tolist() == [83]
    # what the card says about how the pairs were chosen: not uniformly
    counts = watched.groupby("video").size()
    assert chisquare(counts).pvalue < 1e-12 and counts.max() == 1400


def test_kuairec_of_the_publisher(reader):
    place(reader, "kuairec/KuaiRec 2.0/data/small_matrix.csv", SMALL_MATRIX)
    assert assets.status("kuairec") == "cache"
    pairs = {"user": [14, 14], "video": [148, 183], "watch_ratio": [0.7221, 1.9074]}
    times = {"play_seconds": [4.381, 11.635], "duration_seconds": [6.067, 6.1]}
    assert datasets.load_kuairec().to_dict("list") == pairs
    watched = datasets.load_kuairec(full=True)
    assert watched.to_dict("list") == pairs | times
    ratio = watched["play_seconds"] / watched["duration_seconds"]
    assert ratio.round(3).tolist() == watched["watch_ratio"].round(3).tolist()


def test_times_of_kuairec_are_checked(reader):
    broken = SMALL_MATRIX.replace("183,11635", "183,-5")
    place(reader, "kuairec/KuaiRec 2.0/data/small_matrix.csv", broken)
    datasets.load_kuairec()  # does not read them
    with pytest.raises(datasets.SchemaError, match=r"'play_duration': .*\[0, inf\); .* row: 1"):
        datasets.load_kuairec(full=True)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("0.7221", "-0.1", r"column 'watch_ratio': must be in \[0, inf\); first offending row: 0"),
        ("14,183", "9000,183", r"column 'user': must be in \[0, 7175\]; first offending row: 1"),
        ("14,183", "14,148", "a pair stands twice; first offending row: 1"),
    ],
)
def test_kuairec_with_a_bad_row(reader, old, new, rule):
    place(reader, "kuairec/KuaiRec 2.0/data/small_matrix.csv", SMALL_MATRIX.replace(old, new))
    with pytest.raises(datasets.SchemaError, match=rf"small_matrix\.csv: {rule}"):
        datasets.load_kuairec()


def test_kuairec_without_any_file_says_what_to_download(reader):
    with pytest.raises(assets.AssetUnavailable, match=r"zenodo\.org/records/18164998") as caught:
        datasets.load_kuairec()
    assert str(reader / "kuairec" / "KuaiRec 2.0") in str(caught.value)


def test_kuairand(reader):
    folder = "kuairand/KuaiRand-Pure/data"
    with pytest.raises(assets.AssetUnavailable, match=r"zenodo\.org/records/10439422"):
        datasets.load_kuairand()
    place(reader, f"{folder}/log_random_4_22_to_5_08_pure.csv", KUAIRAND)
    log = datasets.load_kuairand("random")
    assert log.loc[0, ["user", "video", "click", "long_view", "tab"]].tolist() == [0, 7, 1, 1, 4]
    assert log["play_seconds"].tolist() == [12.5, 0.0]
    assert log["duration_seconds"].tolist() == [10.0, 20.0]
    assert log["timestamp"].iloc[0] == pd.Timestamp("2022-04-21T16:00:00Z")
    assert log["random"].tolist() == [True, True]
    other = KUAIRAND.replace("0,0,1,12500", "0,0,2,12500")
    place(reader, f"{folder}/log_standard_4_22_to_5_08_pure.csv", other)
    with pytest.raises(datasets.SchemaError, match=r"'long_view': .*\[0, 1\]; .* row: 0 "):
        datasets.load_kuairand("standard")
    with pytest.raises(ValueError, match="exposure must be one of random, standard, standard_befo"):
        datasets.load_kuairand("all")


def test_lastfm(real):
    real("lastfm-2k")
    music = datasets.load_lastfm_2k()
    assert music.listens["user"].nunique() == 1892
    assert music.tagged.loc[music.tagged["impossible"], "date"].dt.year.tolist() == [
        1956,
        1957,
        1956,
        1956,
        1979,
    ]
    dates = music.tagged.loc[~music.tagged["impossible"], "date"]
    assert dates.min() == pd.Timestamp("2005-08-01") and dates.max() == pd.Timestamp("2011-05-09")
    pairs = set(music.friends.itertuples(index=False, name=None))
    assert all((b, a) in pairs for a, b in pairs)
    assert music.tags.set_index("tag").loc[2863, "name"] == "tropicália"
    assert "Björk" in set(music.artists["name"])
    assert set(music.listens["artist"]) <= set(music.artists["artist"])
    assert len(set(music.tagged["artist"]) - set(music.artists["artist"])) == 390


def test_lastfm_with_a_day_that_does_not_exist(real, serve):
    real("lastfm-2k")
    text = assets.fetch("lastfm-2k", "user_taggedartists.dat").read_text()
    serve("user_taggedartists.dat", text.replace("2\t52\t15\t1\t4\t2009", "2\t52\t15\t31\t4\t2009"))
    with pytest.raises(datasets.SchemaError, match="no such day; first offending row: 1"):
        datasets.load_lastfm_2k()
    serve("user_taggedartists.dat", text.replace("2\t52\t13\t1\t4\t2009", "2\t52\t13\t1\t13\t2009"))
    with pytest.raises(datasets.SchemaError, match=r"'month': must be in \[1, 12\]; .* row: 0 "):
        datasets.load_lastfm_2k()


def test_youtube(real):
    real("youtube-trending-2017")
    autumn, november, broken = datasets.load_youtube_trending()
    assert broken["line"].tolist() == [2401, 2800, 5297, 5299, 5300, 5301]
    assert broken["fields"].tolist() == [21, 21, 12, 12, 12, 12]
    assert autumn["date"].nunique() == 40 and autumn["date"].dt.month.unique().tolist() == [9, 10]
    assert november["date"].nunique() == 15 and november["video"].nunique() == 791
    assert not set(autumn["video"]) & set(november["video"])
    assert november.loc[1, "tags"][:2] == [
        "last week tonight trump presidency",
        "last week tonight donald trump",
    ]
    assert (autumn["tags"].map(len) == 0).sum() == 491
    assert "Entertainment" in autumn["category"].cat.categories
    assert november["published"].max() <= november["date"].max().tz_localize("UTC") + pd.Timedelta(
        days=1
    )


AUTUMN = (
    "video_id,title,channel_title,category_id,tags,views,likes,dislikes,comment_total,"
    "thumbnail_link,date\n"
    'v1,"A, b",c,1,x|y,10,1,0,0,http://e.org,13.09\n'
    "v2,t,c,1,[none],20,1,0,0,http://e.org,1.1\n"
    "v3,t,c,1,x,20,1,0,0,http://e.org,100,2.1\n"
)
LATER = (
    "video_id,trending_date,title,channel_title,category_id,publish_time,tags,views,likes,"
    "dislikes,comment_count,thumbnail_link,comments_disabled,ratings_disabled,"
    "video_error_or_removed,description\n"
    'v9,18.14.06,t,c,1,2018-06-13T17:13:01.000Z,"a b"|"c",5,0,0,0,u,False,True,False,\n'
)
CATEGORIES = {"items": [{"id": "1", "snippet": {"title": "Film & Animation"}}]}


def published(folder: Path, autumn: str = AUTUMN, later: str = LATER) -> None:
    for name, content in (
        ("youtube/USvideos.csv", autumn),
        ("youtube-new/USvideos.csv", later),
        ("youtube-new/US_category_id.json", json.dumps(CATEGORIES)),
    ):
        place(folder, f"youtube-trending-full/{name}", content)


def test_youtube_of_the_publisher(reader):
    published(reader)
    autumn, later, broken = datasets.load_youtube_trending(full=True)
    assert autumn["date"].tolist() == [pd.Timestamp("2017-09-13"), pd.Timestamp("2017-10-01")]
    assert autumn["tags"].tolist() == [["x", "y"], []]
    assert autumn["category"].tolist() == ["Film & Animation"] * 2
    assert later["tags"].tolist() == [["a b", "c"]] and later["ratings_disabled"].tolist() == [True]
    assert broken[["file", "line", "fields"]].values.tolist() == [["USvideos.csv", 4, 12]]
    assert broken["text"].iloc[0].startswith("v3,t")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("13.09", "32.09", "column 'date': must be a day; first offending row: 0"),
        (",1,x|y", ",99,x|y", "column 'category': must be one of '1'; first offending row: 0"),
        (",20,1,0,0,http://e.org,1.1", ",-1,1,0,0,u,1.1", r"'views': must be in \[0, inf\); .*: 1"),
        (",date", ",day", "column 'date': is missing"),
    ],
)
def test_youtube_with_a_bad_row(reader, old, new, rule):
    published(reader, autumn=AUTUMN.replace(old, new))
    with pytest.raises(datasets.SchemaError, match=rf"USvideos\.csv: .*{rule}"):
        datasets.load_youtube_trending(full=True)


def test_movielens_latest(real):
    real("ml-latest-small")
    films = datasets.load_movielens_latest_small()
    assert films.ratings["user"].nunique() == 610
    assert films.ratings.groupby("user").size().min() == 20
    assert set(films.ratings["rating"] * 2) == set(range(1, 11))
    assert films.items["year"].isna().sum() == 13
    assert (films.items["genres"].map(len) == 0).sum() == 34
    assert films.items.loc[1, "genres"] == ["Adventure", "Children", "Fantasy"]
    assert films.links["tmdb"].isna().sum() == 8
    assert set(films.ratings["item"]) <= set(films.items["item"])
    assert films.tags["tag"].notna().all()


def test_movielens_latest_cut_short(real, serve):
    real("ml-latest-small")
    rows = assets.fetch("ml-latest-small", "ratings.csv").read_text().splitlines()[:50]
    serve("ratings.csv", "\n".join(rows))
    with pytest.raises(datasets.SchemaError, match="must have 100,836 rows, got 49"):
        datasets.load_movielens_latest_small()
