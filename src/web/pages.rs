//! The status page, made at most once a second for all who look at it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::UnixMillis;
use crate::page::{self, Face};
use crate::snapshot::Published;

use super::body::Chunks;
use super::encoding::Encoding;
use super::gzip::Gzip;
use super::stamp::Stamp;

/// The page in its two variants: one that loads itself again, and one that stands still.
#[derive(Debug, Default)]
pub(super) struct Pages {
    refreshing: Mutex<Kept>,
    still: Mutex<Kept>,
}

/// What is kept of one variant.
#[derive(Debug, Default)]
struct Kept {
    /// `None` before the first answer.
    stamp: Option<Stamp>,
    refresh: Option<Duration>,
    identity: Bytes,
    /// Once somebody wanted it.
    compressed: Option<Chunks>,
    gzip: Gzip,
}

impl Pages {
    /// The page that tells what is `published`, judged at `now`, with the `face` of this moment, and
    /// after what time it loads itself again, which it does only if it `refreshes`.
    pub(super) fn answer<'f>(
        &self,
        encoding: Encoding,
        refreshes: bool,
        published: &[Arc<Published>],
        face: impl FnOnce() -> Face<'f>,
        now: UnixMillis,
    ) -> (Chunks, Option<Duration>) {
        let kept = if refreshes { &self.refreshing } else { &self.still };
        // The stamp is set last, so that one who panicked has left nothing that passes for whole.
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { stamp, refresh, identity, compressed, gzip } = &mut *kept;
        if !stamp.as_ref().is_some_and(|stamp| stamp.holds(published, now)) {
            let taken = Stamp::new(published, now);
            *stamp = None;
            *refresh = refreshes.then(|| page::refresh_after(published));
            *identity = page::render(published, &face(), *refresh, now).into();
            *compressed = None;
            *stamp = Some(taken);
        }
        let body = match encoding {
            Encoding::Identity => identity.clone().into(),
            Encoding::Gzip => {
                compressed.get_or_insert_with(|| gzip.member([], std::slice::from_ref(identity))).clone()
            }
        };
        (body, *refresh)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::page::samples::{good, now};

    fn text(chunks: &Chunks) -> Vec<u8> {
        chunks.rest().concat()
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_shared_for_a_second_in_each_variant() {
        let pages = Pages::default();
        let published = [Arc::new(good("a"))];
        for refreshes in [true, false] {
            for encoding in [Encoding::Identity, Encoding::Gzip] {
                let page = |now| pages.answer(encoding, refreshes, &published, Face::default, now).0;
                let first = page(now());
                let of = |page: &Chunks| page.rest().last().unwrap().as_ptr();
                assert_eq!(of(&page(now().plus(Duration::from_millis(999)))), of(&first));
                assert_ne!(of(&page(now().plus(Duration::from_secs(1)))), of(&first));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_never_outlives_what_it_tells() {
        let pages = Pages::default();
        let page = |name| {
            text(&pages.answer(Encoding::Identity, true, &[Arc::new(good(name))], Face::default, now()).0)
        };
        assert_ne!(page("a"), page("b"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_variants_differ_and_gzip_holds_the_same() {
        let pages = Pages::default();
        let published = [Arc::new(good("a"))];
        let answer =
            |encoding, refreshes| pages.answer(encoding, refreshes, &published, Face::default, now());
        let (moving, after) = answer(Encoding::Identity, true);
        let (still, never) = answer(Encoding::Identity, false);
        assert_eq!((after, never), (Some(Duration::from_secs(30)), None));
        assert_ne!(text(&moving), text(&still));
        for (refreshes, expected) in [(true, moving), (false, still)] {
            let mut unpacked = Vec::new();
            let packed = text(&answer(Encoding::Gzip, refreshes).0);
            GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, text(&expected));
        }
    }
}
