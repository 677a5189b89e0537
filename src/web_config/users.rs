//! Who may come in: names and hashes of passwords, and the check of what a request brings.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::engine::{Engine as _, general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::group::Group;
use super::hash::Hash;

/// Requests that wait for bcrypt at a time; one more is told to come later.
const MOST_WAITING: usize = 16;

/// The longest that a request waits for those before it.
const MOST_WAIT: Duration = Duration::from_secs(5);

/// Outcomes that are remembered, of each sort. More wrong passwords than that cost bcrypt again.
const MOST_KNOWN: usize = 100;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is answered.
    Allowed,
    /// 429: there are too many requests, or too many passwords to check.
    TooMany,
    /// 401 with `WWW-Authenticate: Basic`.
    Unauthorized,
}

/// Names and hashes of one web config.
#[derive(Debug, Default)]
pub(super) struct Users(BTreeMap<Vec<u8>, Hash>);

impl Users {
    /// Reads `basic_auth_users`.
    pub(super) fn read(mut group: Group<'_>) -> Self {
        let mut users = BTreeMap::new();
        for name in group.names_in_order() {
            if name.contains(':') {
                group.say(&name, "a name can't hold a colon, which ends it in a request");
            }
            let hash = group.text(&name).unwrap_or_default();
            if group.concerns(&name) {
                continue;
            }
            match Hash::parse(&hash) {
                Ok(hash) => drop(users.insert(name.into_bytes(), hash)),
                Err(error) => group.say(&name, error.to_string()),
            }
        }
        Self(users)
    }

    /// How many there are; none means that nobody is asked.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Checks passwords: one at a time, off the async threads, each good one once.
pub(super) struct Doorkeeper(Arc<Inner>);

struct Inner {
    /// Outcomes are kept by a digest under this key, which lives as long as the process.
    key: [u8; 32],
    known: Mutex<Known>,
    waiting: Semaphore,
    turn: Arc<Semaphore>,
    #[cfg(test)]
    runs: std::sync::atomic::AtomicUsize,
}

/// Good ones apart, so that no flood of wrong ones drives them out.
#[derive(Default)]
struct Known {
    good: VecDeque<[u8; 32]>,
    bad: VecDeque<[u8; 32]>,
}

impl Doorkeeper {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system has random numbers");
        Self(Arc::new(Inner {
            key,
            known: Mutex::default(),
            waiting: Semaphore::new(MOST_WAITING),
            turn: Arc::new(Semaphore::new(1)),
            #[cfg(test)]
            runs: Default::default(),
        }))
    }

    /// Whether a request with `headers` comes from one of `users`.
    pub(super) async fn check(&self, users: &Users, headers: &HeaderMap) -> Admission {
        let Some(Given { name, password }) = Given::of(headers) else { return Admission::Unauthorized };
        let Some((hash, is_user)) = self.0.hash_of(users, &name) else { return Admission::Unauthorized };
        let digest = self.0.digest(&[&name, &hash.bytes(), &password]);
        if let Some(known) = self.0.known(&digest) {
            return known;
        }
        let Ok(_waiting) = self.0.waiting.try_acquire() else { return Admission::TooMany };
        let Ok(Ok(turn)) = timeout(MOST_WAIT, Arc::clone(&self.0.turn).acquire_owned()).await else {
            return Admission::TooMany;
        };
        // One before this may have brought the same.
        if let Some(known) = self.0.known(&digest) {
            return known;
        }
        let inner = Arc::clone(&self.0);
        let check = tokio::task::spawn_blocking(move || {
            #[cfg(test)]
            inner.runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // Worked out for others too, so that both take the same time.
            let is_good = hash.is_of(&password) && is_user;
            inner.learn(digest, is_good);
            // Whoever asked may be gone; the next one begins when this is over all the same.
            drop(turn);
            is_good
        });
        match check.await {
            Ok(true) => Admission::Allowed,
            Ok(false) | Err(_) => Admission::Unauthorized,
        }
    }
}

impl Inner {
    /// The hash to check the password of `name` against, and whether it is the hash of a user. An unknown
    /// name costs what the costliest user does, so that no unknown one is told by a shorter time.
    fn hash_of(&self, users: &Users, name: &[u8]) -> Option<(Hash, bool)> {
        if let Some(hash) = users.0.get(name) {
            return Some((hash.clone(), true));
        }
        users.0.values().max_by_key(|hash| hash.cost()).map(|hash| (hash.decoy(), false))
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in parts {
            hmac.update(&(part.len() as u64).to_be_bytes());
            hmac.update(part);
        }
        hmac.finalize().into_bytes().into()
    }

    fn known(&self, digest: &[u8; 32]) -> Option<Admission> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match (known.good.contains(digest), known.bad.contains(digest)) {
            (true, _) => Some(Admission::Allowed),
            (_, true) => Some(Admission::Unauthorized),
            _ => None,
        }
    }

    fn learn(&self, digest: [u8; 32], is_good: bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let list = if is_good { &mut known.good } else { &mut known.bad };
        list.push_back(digest);
        if list.len() > MOST_KNOWN {
            list.pop_front();
        }
    }
}

/// Name and password of a request. Has no `Debug`.
struct Given {
    name: Vec<u8>,
    password: Vec<u8>,
}

impl Given {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let (scheme, given) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        let given = STANDARD.decode(given).ok()?;
        let colon = given.iter().position(|&byte| byte == b':')?;
        Some(Self { name: given[..colon].to_vec(), password: given[colon + 1..].to_vec() })
    }
}

#[cfg(test)]
mod tests;
