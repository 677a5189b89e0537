//! The task that fetches, beside those who ask.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_fetch_comes_to_its_end_also_when_whoever_waits_for_it_is_given_up() {
    let rig = rig(lasting(HOUR));
    let moment = Duration::from_millis(10);
    timeout(moment, rig.number()).await.unwrap_err();
    rig.is_quiet().await;
    assert_eq!((rig.number().await, rig.fetches()), (Ok(1), 1));
    // One that the cloud forced is not forced again at once either.
    let first = rig.cache.key().await.unwrap();
    timeout(moment, rig.cache.renew(&first)).await.unwrap_err();
    rig.is_quiet().await;
    assert_eq!((rig.number().await, rig.fetches()), (Ok(2), 2));
    let second = rig.cache.key().await.unwrap();
    assert!(!rig.cache.renew(&second).await);
    assert_eq!(rig.fetches(), 2);
}

#[test]
fn a_renewal_that_hangs_delays_nobody_while_the_key_is_good_and_is_told_and_tried_again() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let told = crate::logging::told(|| runtime.block_on(outlast_one_that_hangs()));
    let warnings: Vec<_> = told.iter().filter(|line| line.contains("could not be renewed")).collect();
    assert_eq!(warnings.len(), 1, "{told:?}");
    assert!(warnings[0].contains("gave none within 120 s"), "{told:?}");
}

async fn outlast_one_that_hangs() {
    let rig = rig(lasting(HOUR));
    assert_eq!(rig.number().await, Ok(1));
    rig.place.hangs.store(2, Ordering::Relaxed);
    tokio::time::sleep(46 * MINUTE).await;
    for _ in 0..119 {
        let asked = Instant::now();
        assert_eq!((rig.number().await, asked.elapsed()), (Ok(1), Duration::ZERO));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(rig.fetches(), 2);
    tokio::time::sleep(Duration::from_secs(3)).await;
    rig.comes(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_ends_with_the_cache() {
    let rig = rig(lasting(HOUR));
    rig.place.hangs.store(1, Ordering::Relaxed);
    timeout(MINUTE, rig.number()).await.unwrap_err();
    let keeper = Arc::downgrade(&rig.cache.keeper);
    drop(rig.cache);
    let ended = async {
        while keeper.upgrade().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(1), ended).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_place_that_panics_is_an_error_and_is_asked_again() {
    let rig = rig(|number, now| match number {
        1 => panic!("hunter2"),
        _ => Ok(Lease::until(now.plus(HOUR), key(number), "fake")),
    });
    let asked = futures_util::future::join_all((0..3).map(|_| rig.number())).await;
    for told in asked.into_iter().map(Result::unwrap_err) {
        assert!(told.ends_with("because of a mistake in this program; please report it"), "{told}");
    }
    tokio::time::sleep(2 * Duration::from_secs(1)).await;
    assert_eq!((rig.number().await, rig.fetches()), (Ok(2), 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_expires_during_a_look_is_replaced_for_all_who_wait() {
    let rig = rig(|number, now| {
        let life = if number == 1 { MINUTE } else { HOUR };
        Ok(Lease::until(now.plus(life), key(number), "fake").looked_at_again(Duration::from_secs(10)))
    });
    assert_eq!(rig.number().await, Ok(1));
    rig.place.is_as_before.store(true, Ordering::Relaxed);
    rig.place.look_takes.store(55, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(rig.number().await, Ok(1));
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!((rig.number().await, rig.fetches()), (Ok(2), 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_can_t_be_renewed_says_so_until_it_is() {
    let rig = rig(|number, now| match number {
        2 => Err(failed()),
        _ => Ok(Lease::until(now.plus(HOUR), key(number), "fake")),
    });
    let why = || rig.cache.in_use().unwrap().unrenewed;
    rig.cache.key().await.unwrap();
    assert_eq!(why(), None);
    tokio::time::sleep(50 * MINUTE).await;
    rig.cache.key().await.unwrap();
    // The renewal runs beside the request that met it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(why().as_deref(), Some("the service is away"));
    tokio::time::sleep(MINUTE).await;
    rig.cache.key().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(why(), None);
}
