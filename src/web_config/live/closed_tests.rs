//! What is closed stays closed, or it is told.

use super::*;

#[test]
fn a_file_that_stays_empty_opens_nothing_that_was_closed() {
    for closed in [TLS.to_owned(), format!("basic_auth_users: {{alice: '{HASH}'}}\n")] {
        let place = Place::new(&closed);
        let before = place.live.summary();
        for empty in ["", "# nothing\n", "{}"] {
            place.write("web.yml", empty);
            let told = place.looks(3);
            assert!(told.len() == 1 && told[0].starts_with("WARN the web config has mistakes"), "{told:?}");
            assert!(told[0].contains("is empty now"), "{told:?}");
            assert!(on_own_runtime(place.live.reload()).is_err(), "a reload neither");
            assert_eq!(place.live.summary(), before);
        }
        assert!(place.live.is_broken());
    }
    let place = Place::new(LIMIT);
    place.write("web.yml", "");
    place.looks(2);
    assert!(place.live.summary().rate.is_none(), "a limit closes nothing");
}

#[test]
fn what_is_open_from_now_on_is_a_warning_however_it_was_read() {
    const CLEAR: &str = "WARN the web config has no TLS any more; everything is served in the clear now";
    const ANYBODY: &str = "WARN the web config has no users any more; nobody needs a password now";
    let both = format!("{TLS}basic_auth_users: {{alice: '{HASH}'}}\n");
    for (after, expected) in [
        (TLS, &[ANYBODY][..]),
        (&both[TLS.len()..], &[CLEAR]),
        (LIMIT, &[CLEAR, ANYBODY]),
        (OPEN, &[CLEAR, ANYBODY]),
    ] {
        let warned = |told: Vec<String>| -> Vec<String> {
            told.into_iter().filter(|line| line.starts_with("WARN")).collect()
        };
        let is_told = |told: &[String]| {
            told.len() == expected.len()
                && told.iter().zip(expected).all(|(line, start)| line.starts_with(start))
        };
        let place = Place::new(&both);
        place.write("web.yml", after);
        let by_look = warned(place.looks(3));
        assert!(is_told(&by_look), "{after}: {by_look:?}");
        let place = Place::new(&both);
        place.write("web.yml", after);
        let by_reload = warned(told(|| on_own_runtime(place.live.reload()).unwrap()));
        assert!(is_told(&by_reload), "{after}: {by_reload:?}");
    }
}
