//! Hashes of passwords by bcrypt.

use std::fmt;

use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;

/// As other implementations, this one does not mind unused bits at the end.
const ALPHABET: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// What bcrypt takes of a password; the rest does not count.
const MOST_PASSWORD: usize = 72;

/// The highest cost that is let in: each step doubles the time, and one password is checked at a time. With
/// 15 that is some seconds.
const MOST_COST: u32 = 15;

/// A hash of a password, as `$2y$10$…`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hash {
    cost: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

/// A text that is no hash, in words that don't contain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HashError {
    /// It is something else altogether.
    #[error(
        "expected a bcrypt hash, which starts with $2y$, $2b$ or $2a$ and has 60 characters; make one with `htpasswd -nBC 10 NAME`"
    )]
    NoHash,
    /// It has a cost that bcrypt does not have.
    #[error("has a cost that bcrypt does not have; expected 04 to 15, and 10 to 12 is usual")]
    Cost,
    /// Its password would take too long to check.
    #[error(
        "has a cost above 15: while one password is checked, for minutes or hours, nobody else could come in; make it with a cost of 10 to 12, as `htpasswd -nBC 12 NAME` does"
    )]
    TooCostly,
}

impl Hash {
    /// Reads the written form.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let rest = ["$2y$", "$2b$", "$2a$"].iter().find_map(|sort| text.strip_prefix(sort));
        let (cost, rest) = rest.and_then(|rest| rest.split_once('$')).ok_or(HashError::NoHash)?;
        let (salt, digest) = rest.split_at_checked(22).ok_or(HashError::NoHash)?;
        let decode = |text| ALPHABET.decode(text).map_err(|_| HashError::NoHash);
        let salt = decode(salt)?.try_into().map_err(|_| HashError::NoHash)?;
        let digest = decode(digest)?.try_into().map_err(|_| HashError::NoHash)?;
        if cost.len() != 2 {
            return Err(HashError::NoHash);
        }
        let cost = cost.parse().ok().filter(|cost| (4..=31).contains(cost)).ok_or(HashError::Cost)?;
        if cost > MOST_COST {
            return Err(HashError::TooCostly);
        }
        Ok(Self { cost, salt, digest })
    }

    /// One that no password has, as costly as this one.
    pub(super) fn decoy(&self) -> Self {
        Self { cost: self.cost, salt: *b"a decoy, no user", digest: [0; 23] }
    }

    /// How much work it is to check a password: twice as much at each step.
    pub(super) fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether `password` has this hash. Takes from milliseconds to seconds, as its cost says.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        let mut password = password.to_vec();
        password.push(0);
        password.truncate(MOST_PASSWORD);
        let digest = bcrypt::bcrypt(self.cost, self.salt, &password);
        digest[..23].ct_eq(&self.digest).into()
    }

    /// What tells it from any other.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [&self.cost.to_be_bytes()[..], &self.salt, &self.digest].concat()
    }
}

/// Shows the cost only.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash(cost {}, hidden)", self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published examples of other implementations: OpenWall's and those of Go.
    #[test]
    fn published_hashes_are_those_of_their_passwords() {
        for (password, hash) in [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
            ("allmine", "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"),
        ] {
            for sort in ["$2a$", "$2b$", "$2y$"] {
                let hash = Hash::parse(&hash.replacen("$2a$", sort, 1)).unwrap();
                assert!(hash.is_of(password.as_bytes()), "{password:?}");
                assert!(!hash.is_of(b"another"), "{password:?}");
                assert!(!hash.decoy().is_of(password.as_bytes()), "{password:?}");
            }
        }
    }

    #[test]
    fn a_password_counts_up_to_72_bytes_as_in_go() {
        let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored";
        let hash = Hash::parse(hash).unwrap();
        assert!(hash.is_of(long.as_bytes()));
        assert!(hash.is_of(&long.as_bytes()[..72]));
        assert!(!hash.is_of(&long.as_bytes()[..71]));
    }

    #[test]
    fn what_is_no_hash_is_refused_without_showing_it() {
        let good = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert!(Hash::parse(good).is_ok());
        assert!(Hash::parse(&good.replace("$04$", "$15$")).is_ok());
        for (wrong, error) in [
            ("", HashError::NoHash),
            ("hunter2", HashError::NoHash),
            (&good[..59], HashError::NoHash),
            (&format!("{good}x"), HashError::NoHash),
            (&good.replace("$2y$", "$2x$"), HashError::NoHash),
            (&good.replace("$2y$", "$1$"), HashError::NoHash),
            (&good.replace("E5Y", "E=Y"), HashError::NoHash),
            (&good.replace("$04$", "$4$"), HashError::NoHash),
            (&good.replace("$04$", "$03$"), HashError::Cost),
            (&good.replace("$04$", "$32$"), HashError::Cost),
            (&good.replace("$04$", "$31$"), HashError::TooCostly),
            (&good.replace("$04$", "$16$"), HashError::TooCostly),
            (&good.replace("$04$", "$aa$"), HashError::Cost),
        ] {
            assert_eq!(Hash::parse(wrong), Err(error), "{wrong}");
        }
        assert_eq!(format!("{:?}", Hash::parse(good).unwrap()), "Hash(cost 4, hidden)");
    }
}
