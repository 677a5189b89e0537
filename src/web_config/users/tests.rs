use std::sync::atomic::Ordering::SeqCst;

use hyper::header::HeaderValue;

use super::*;

/// OpenWall's examples, of the passwords `U*U` and `U*U*`.
const ALICE: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const BOB: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";

fn users(list: &[(&str, &str)]) -> Users {
    let hash = |(name, hash): &(&str, &str)| (name.as_bytes().to_vec(), Hash::parse(hash).unwrap());
    Users(list.iter().map(hash).collect())
}

fn of(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
}

fn basic(name: &str, password: &str) -> HeaderMap {
    of(&format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
}

fn runs(doorkeeper: &Doorkeeper) -> usize {
    doorkeeper.0.runs.load(SeqCst)
}

#[tokio::test]
async fn the_right_password_of_a_user_opens_and_nothing_else_does() {
    let (doorkeeper, users) = (Doorkeeper::new(), users(&[("alice", ALICE), ("bob", BOB)]));
    for (headers, admission) in [
        (basic("alice", "U*U"), Admission::Allowed),
        (basic("bob", "U*U*"), Admission::Allowed),
        (basic("alice", "U*U*"), Admission::Unauthorized),
        (basic("alice", ""), Admission::Unauthorized),
        (basic("Alice", "U*U"), Admission::Unauthorized),
        (basic("carol", "U*U"), Admission::Unauthorized),
        (basic("", ""), Admission::Unauthorized),
        (HeaderMap::new(), Admission::Unauthorized),
        (of("Basic"), Admission::Unauthorized),
        (of("Basic ????"), Admission::Unauthorized),
        (of(&format!("Basic {}", STANDARD.encode("alice"))), Admission::Unauthorized),
        (of(&format!("Bearer {}", STANDARD.encode("alice:U*U"))), Admission::Unauthorized),
        (of(&format!("bAsIc {}", STANDARD.encode("alice:U*U"))), Admission::Allowed),
    ] {
        assert_eq!(doorkeeper.check(&users, &headers).await, admission, "{headers:?}");
    }
}

#[tokio::test]
async fn a_password_may_hold_colons_and_any_bytes() {
    let headers = of(&format!("Basic {}", STANDARD.encode(b"alice:a:\xff\0b")));
    let given = Given::of(&headers).unwrap();
    assert_eq!((&given.name[..], &given.password[..]), (&b"alice"[..], &b"a:\xff\0b"[..]));
}

#[tokio::test]
async fn the_same_password_costs_bcrypt_once_until_the_hash_is_another() {
    let (doorkeeper, before, after) =
        (Doorkeeper::new(), users(&[("alice", ALICE)]), users(&[("alice", BOB)]));
    for password in ["U*U", "U*U", "wrong", "wrong", "U*U"] {
        doorkeeper.check(&before, &basic("alice", password)).await;
    }
    assert_eq!(runs(&doorkeeper), 2);
    assert_eq!(doorkeeper.check(&after, &basic("alice", "U*U")).await, Admission::Unauthorized);
    assert_eq!(doorkeeper.check(&after, &basic("alice", "U*U*")).await, Admission::Allowed);
    assert_eq!(runs(&doorkeeper), 4);
}

#[tokio::test]
async fn an_unknown_name_costs_as_much_as_the_costliest_user() {
    let (doorkeeper, users) =
        (Doorkeeper::new(), users(&[("alice", ALICE), ("bob", &BOB.replace("$05$", "$06$"))]));
    for round in 1..=20 {
        assert_eq!(
            doorkeeper.check(&users, &basic(&format!("x{round}"), "U*U")).await,
            Admission::Unauthorized
        );
        assert_eq!(runs(&doorkeeper), round, "bcrypt runs for each");
    }
    let cost = |name: &str| format!("{:?}", doorkeeper.0.hash_of(&users, name.as_bytes()).unwrap().0);
    let costs: std::collections::BTreeSet<_> = (0..100).map(|number| cost(&format!("x{number}"))).collect();
    assert_eq!(costs.into_iter().collect::<Vec<_>>(), ["Hash(cost 6, hidden)"], "what the costliest does");
}

#[tokio::test]
async fn wrong_passwords_never_drive_out_a_good_one_and_are_bounded() {
    let (doorkeeper, users) = (Doorkeeper::new(), users(&[("alice", &ALICE.replace("$05$", "$04$"))]));
    let digest = doorkeeper.0.digest(&[b"alice", &users.0[&b"alice"[..]].bytes(), b"U*U"]);
    doorkeeper.0.learn(digest, true);
    for number in 0..MOST_KNOWN + 50 {
        doorkeeper.0.learn([u8::try_from(number % 251).unwrap(); 32], false);
    }
    assert_eq!(doorkeeper.0.known.lock().unwrap().bad.len(), MOST_KNOWN);
    assert_eq!(doorkeeper.check(&users, &basic("alice", "U*U")).await, Admission::Allowed);
    assert_eq!(runs(&doorkeeper), 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_passwords_is_turned_away_and_known_ones_pass() {
    let (doorkeeper, users) = (Doorkeeper::new(), users(&[("alice", ALICE)]));
    assert_eq!(doorkeeper.check(&users, &basic("alice", "U*U")).await, Admission::Allowed);
    // Somebody's bcrypt takes for ever.
    let _turn = Arc::clone(&doorkeeper.0.turn).acquire_owned().await.unwrap();
    let flood: Vec<_> = (0..MOST_WAITING + 10).map(|number| basic("alice", &format!("{number}"))).collect();
    let start = tokio::time::Instant::now();
    let answers = futures_util::future::join_all(
        flood.iter().map(|headers| async { (doorkeeper.check(&users, headers).await, start.elapsed()) }),
    );
    let good = basic("alice", "U*U");
    let (answers, known) = tokio::join!(answers, doorkeeper.check(&users, &good));
    assert_eq!(known, Admission::Allowed);
    assert!(answers.iter().all(|(admission, _)| *admission == Admission::TooMany));
    let at_once = answers.iter().filter(|(_, after)| after.is_zero()).count();
    assert_eq!(at_once, 10, "those beyond the queue do not wait");
    assert!(answers.iter().all(|(_, after)| *after <= MOST_WAIT));
    assert_eq!(runs(&doorkeeper), 1);
}

#[tokio::test]
async fn one_bcrypt_runs_at_a_time_also_when_requests_are_given_up() {
    let (doorkeeper, users) = (Doorkeeper::new(), users(&[("alice", ALICE)]));
    let turn = Arc::clone(&doorkeeper.0.turn).acquire_owned().await.unwrap();
    let headers = basic("alice", "wrong");
    let mut given_up = Box::pin(doorkeeper.check(&users, &headers));
    assert!(futures_util::poll!(&mut given_up).is_pending(), "it waits for its turn");
    assert_eq!(runs(&doorkeeper), 0);
    drop(turn);
    assert!(futures_util::poll!(&mut given_up).is_pending(), "it has begun");
    drop(given_up);
    // Its turn ends with its bcrypt, and what that found is known.
    assert_eq!(doorkeeper.check(&users, &headers).await, Admission::Unauthorized);
    assert_eq!(runs(&doorkeeper), 1);
}
