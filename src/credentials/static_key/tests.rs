//! Keys in files that are replaced all at once, as Kubernetes does it.

use std::sync::{Arc, mpsc};
use std::task::Poll;

use tokio::runtime::{Builder, Runtime};

use crate::credentials::fake::fetched;

use super::*;

/// A folder of keys, one of which is the current one by a symbolic link.
struct Mount(tempfile::TempDir);

impl Mount {
    /// With the key `first`.
    fn new() -> Self {
        let mount = Self(tempfile::tempdir().unwrap());
        mount.swap("first");
        mount
    }

    /// Makes `name` the key, at one moment.
    fn swap(&self, name: &str) {
        let path = |file: &str| self.0.path().join(file);
        let folder = path(&format!("..{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        for part in ["id", "secret", "token"] {
            std::fs::write(folder.join(part), format!("{name}-{part}\n")).unwrap();
        }
        std::os::unix::fs::symlink(&folder, path("..new")).unwrap();
        std::fs::rename(path("..new"), path("..data")).unwrap();
    }

    fn part(&self, name: &str) -> Written {
        Written::In(self.0.path().join("..data").join(name))
    }

    fn key(&self) -> StaticKey {
        StaticKey::new(&self.part("id"), &self.part("secret"), Some(&self.part("token")))
    }
}

/// All parts of a key, by the name of the key that each is of.
fn parts(key: &AccessKey) -> [&str; 3] {
    let token = key.token.as_ref().unwrap().expose();
    [key.id.as_str(), key.secret.expose(), token].map(|part| part.split_once('-').unwrap().0)
}

/// A runtime with one thread for files.
fn one_at_a_time() -> Runtime {
    Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap()
}

/// Fetches the key of `mount`, with `change` after each read of a part, told how many there were.
async fn fetch_amid(mount: &Arc<Mount>, change: fn(&Mount, usize)) -> (Result<Lease, String>, usize) {
    let key = mount.key();
    let mut fetch = Box::pin(fetched(&key));
    let mut reads = 0;
    loop {
        // Holds the only thread that reads, so that the change comes after one read and before the next.
        let (go, wait) = mpsc::channel::<()>();
        let held = tokio::task::spawn_blocking(move || wait.recv().unwrap());
        let polled = futures_util::poll!(&mut fetch);
        reads += usize::from(polled.is_pending());
        let (mount, is_over) = (Arc::clone(mount), polled.is_ready());
        let change = tokio::task::spawn_blocking(move || {
            if !is_over {
                change(&mount, reads)
            }
        });
        go.send(()).unwrap();
        held.await.unwrap();
        change.await.unwrap();
        if let Poll::Ready(got) = polled {
            return (got, reads);
        }
    }
}

#[test]
fn a_swap_while_the_parts_are_read_gives_no_key_with_parts_of_two() {
    let at_the_first = |mount: &Mount, reads| {
        if reads == 1 {
            mount.swap("second");
        }
    };
    let mount = Arc::new(Mount::new());
    let (got, reads) = one_at_a_time().block_on(fetch_amid(&mount, at_the_first));
    assert_eq!((parts(&got.unwrap().key), reads), (["second"; 3], 9));
    let (got, reads) = one_at_a_time().block_on(fetch_amid(&mount, |_, _| {}));
    assert_eq!((parts(&got.unwrap().key), reads), (["second"; 3], 6));
}

#[test]
fn files_that_never_keep_still_give_no_key_and_are_not_read_for_ever() {
    let mount = Arc::new(Mount::new());
    let each_time = |mount: &Mount, reads| mount.swap(&format!("key{reads}"));
    let (got, reads) = one_at_a_time().block_on(fetch_amid(&mount, each_time));
    let error = "the files of the access key changed at each of 3 reads; write them all at once";
    assert_eq!((got.unwrap_err().as_str(), reads), (error, 9));
}

#[tokio::test]
async fn a_look_tells_whether_the_files_hold_the_key_that_was_given() {
    let mount = Mount::new();
    let key = mount.key();
    assert!(key.has_changed().await, "none was given yet");
    assert_eq!(fetched(&key).await.unwrap().look_again, Some(FILE_LOOK));
    assert!(!key.has_changed().await);
    mount.swap("second");
    assert!(key.has_changed().await);
    fetched(&key).await.unwrap();
    assert!(!key.has_changed().await);
    std::fs::remove_file(mount.0.path().join("..data")).unwrap();
    assert!(key.has_changed().await, "to be told as a failure");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_replaced_by_what_no_load_would_take_leaves_the_good_key_in_use() {
    let mount = Mount::new();
    let config = crate::credentials::Config::Sts {
        id: mount.part("id"),
        secret: mount.part("secret"),
        token: mount.part("token"),
    };
    let parts = crate::credentials::fake::parts(&crate::credentials::fake::Wire::new([]), &[]);
    let keys = crate::credentials::build(&config, &parts);
    let first = keys.key().await.unwrap();
    for (part, text) in [("secret", "right secret\nfoo"), ("id", "two words"), ("token", " blank")] {
        mount.swap("second");
        let Written::In(file) = mount.part(part) else { panic!("a file") };
        std::fs::write(file, text).unwrap();
        tokio::time::sleep(FILE_LOOK).await;
        assert!(keys.key().await.unwrap() == first, "{part}");
    }
}
