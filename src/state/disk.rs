//! The disk below the state file, as a handle with a real and a fake form.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// How files are written. Clones write to the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Option<DiskHand>);

impl Disk {
    /// The disks of the machine.
    pub fn real() -> Self {
        Self::default()
    }

    /// The disks of the machine, which fail as the [`DiskHand`] says.
    pub fn by_hand() -> (Self, DiskHand) {
        let hand = DiskHand::default();
        (Self(Some(hand.clone())), hand)
    }

    pub(super) fn backend(&self, file: File) -> Result<Backend, DatabaseError> {
        Ok(Backend { file: FileBackend::new(file)?, hand: self.0.clone() })
    }
}

/// Makes a [`Disk::by_hand`] fail, and work again.
#[derive(Clone, Debug, Default)]
pub struct DiskHand(Arc<Failing>);

#[derive(Debug, Default)]
struct Failing {
    /// How writes fail, once no more are left.
    kind: Mutex<Option<io::ErrorKind>>,
    /// Writes that still succeed.
    left: AtomicU64,
}

impl DiskHand {
    /// After `writes` more writes each one fails as `kind` says, such as
    /// [`io::ErrorKind::StorageFull`].
    pub fn fail_after(&self, writes: u64, kind: io::ErrorKind) {
        self.0.left.store(writes, Ordering::Release);
        *self.0.kind.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind);
    }

    /// Writes succeed again.
    pub fn recover(&self) {
        *self.0.kind.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn write(&self) -> io::Result<()> {
        let Some(kind) = *self.0.kind.lock().unwrap_or_else(PoisonError::into_inner) else { return Ok(()) };
        let one_less = |left: u64| left.checked_sub(1);
        let spent = self.0.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
        spent.map(|_| ()).map_err(|_| kind.into())
    }
}

/// A file on a [`Disk`].
#[derive(Debug)]
pub(super) struct Backend {
    file: FileBackend,
    hand: Option<DiskHand>,
}

impl Backend {
    fn about_to_write(&self) -> io::Result<()> {
        self.hand.as_ref().map_or(Ok(()), DiskHand::write)
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.about_to_write()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.about_to_write()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.about_to_write()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
