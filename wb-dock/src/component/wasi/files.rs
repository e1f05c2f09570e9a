use wasmtime::component::Resource;

use super::bindings::wasi::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use super::bindings::wasi::filesystem::{preopens, types};
use super::streams::{InputStream, OutputStream, PIECE, StreamError};
use crate::fs::{FileType, Lookup, NodeRef, Stat};
use crate::guest::Guest;
use crate::limits::Stop;
use crate::wasi::{Errno, Fail};

/// An open file or directory.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    node: NodeRef,
    flags: DescriptorFlags,
}

/// A directory that is being listed: what it is, and where to go on.
#[derive(Debug)]
pub struct Listing {
    node: NodeRef,
    cookie: u64,
}

/// What can be said of an open directory.
fn directory_flags() -> DescriptorFlags {
    DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY
}

/// What can be said of an open file.
fn file_flags() -> DescriptorFlags {
    DescriptorFlags::READ | DescriptorFlags::WRITE
}

type Answer<T = ()> = Result<T, Fail>;

impl Guest {
    fn opened(&self, descriptor: &Resource<Descriptor>) -> Answer<Descriptor> {
        // A handle that is not in the table was never given to this guest.
        Ok(*self.table.get(descriptor).map_err(|_| Errno::Badf)?)
    }

    /// The file behind a descriptor that was opened with `flags`.
    fn file(&self, descriptor: &Resource<Descriptor>, flags: DescriptorFlags) -> Answer<NodeRef> {
        let open = self.opened(descriptor)?;
        if self.wasi.fs.filetype(open.node) == FileType::Directory {
            return Err(Errno::Isdir.into());
        }
        if !open.flags.contains(flags) {
            return Err(Errno::Badf.into());
        }
        Ok(open.node)
    }

    fn look(
        &mut self,
        descriptor: &Resource<Descriptor>,
        path: &str,
        flags: PathFlags,
    ) -> Answer<Lookup> {
        let open = self.opened(descriptor)?;
        if self.wasi.fs.filetype(open.node) != FileType::Directory {
            return Err(Errno::Notdir.into());
        }
        let follow = flags.contains(PathFlags::SYMLINK_FOLLOW);
        self.wasi.fs.lookup(open.node, path, follow)
    }

    /// The same where something is to be changed.
    fn look_to_change(
        &mut self,
        descriptor: &Resource<Descriptor>,
        path: &str,
        flags: PathFlags,
    ) -> Answer<Lookup> {
        let open = self.opened(descriptor)?;
        if !open.flags.contains(DescriptorFlags::MUTATE_DIRECTORY) {
            return Err(Errno::Rofs.into());
        }
        self.look(descriptor, path, flags)
    }

    fn hold<T: Send + 'static>(&mut self, node: NodeRef, thing: T) -> Answer<Resource<T>> {
        let held = self.table.push(thing)?.ok_or(Errno::Mfile)?;
        self.wasi.fs.retain(node);
        Ok(held)
    }

    fn chosen(&mut self, time: NewTimestamp) -> Option<u64> {
        match time {
            NewTimestamp::NoChange => None,
            NewTimestamp::Now => Some(self.wasi.clock.wall()),
            NewTimestamp::Timestamp(at) => Some(at.nanos()),
        }
    }

    fn hash(&self, node: NodeRef) -> MetadataHashValue {
        // The number of the node is what tells two of them apart, and all there is.
        let ino = self.wasi.fs.stat(node).ino;
        MetadataHashValue {
            lower: ino,
            upper: !ino,
        }
    }
}

impl types::Host for Guest {
    fn convert_error_code(&mut self, fail: Fail) -> wasmtime::Result<ErrorCode> {
        match fail {
            Fail::Errno(errno) => Ok(code(errno)),
            Fail::Stop(stop) => Err(stop.into()),
        }
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<StreamError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(match self.table.get(&error)? {
            StreamError::Errno(errno) => Some(code(*errno)),
            StreamError::Http(_) => None,
        })
    }
}

impl types::HostDescriptor for Guest {
    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<InputStream>> {
        let node = self.file(&descriptor, DescriptorFlags::READ)?;
        self.hold(node, InputStream::File { node, offset })
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<OutputStream>> {
        let node = self.file(&descriptor, DescriptorFlags::WRITE)?;
        let offset = Some(offset);
        self.hold(node, OutputStream::File { node, offset })
    }

    fn append_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> Answer<Resource<OutputStream>> {
        let node = self.file(&descriptor, DescriptorFlags::WRITE)?;
        self.hold(node, OutputStream::File { node, offset: None })
    }

    fn advise(
        &mut self,
        descriptor: Resource<Descriptor>,
        _offset: u64,
        _length: u64,
        _advice: Advice,
    ) -> Answer {
        self.file(&descriptor, DescriptorFlags::empty()).map(drop)
    }

    fn sync_data(&mut self, descriptor: Resource<Descriptor>) -> Answer {
        self.opened(&descriptor).map(drop)
    }

    fn get_flags(&mut self, descriptor: Resource<Descriptor>) -> Answer<DescriptorFlags> {
        Ok(self.opened(&descriptor)?.flags)
    }

    fn get_type(&mut self, descriptor: Resource<Descriptor>) -> Answer<DescriptorType> {
        let node = self.opened(&descriptor)?.node;
        Ok(self.wasi.fs.filetype(node).into())
    }

    fn set_size(&mut self, descriptor: Resource<Descriptor>, size: u64) -> Answer {
        let node = self.file(&descriptor, DescriptorFlags::WRITE)?;
        let now = self.wasi.clock.wall();
        self.wasi.fs.set_len(node, size, now)
    }

    fn set_times(
        &mut self,
        descriptor: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> Answer {
        let node = self.opened(&descriptor)?.node;
        let (accessed, modified) = (self.chosen(accessed), self.chosen(modified));
        let now = self.wasi.clock.wall();
        Ok(self.wasi.fs.set_times(node, accessed, modified, now)?)
    }

    fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> Answer<(Vec<u8>, bool)> {
        let node = self.file(&descriptor, DescriptorFlags::READ)?;
        let content = self.wasi.fs.content(node)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = content.get(start..).unwrap_or_default();
        let bytes = &rest[..rest.len().min(length.min(PIECE) as usize)];
        Ok((bytes.to_vec(), bytes.len() == rest.len()))
    }

    fn write(
        &mut self,
        descriptor: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: u64,
    ) -> Answer<u64> {
        let node = self.file(&descriptor, DescriptorFlags::WRITE)?;
        let now = self.wasi.clock.wall();
        self.wasi.fs.write(node, offset, &bytes, now)?;
        Ok(bytes.len() as u64)
    }

    fn read_directory(&mut self, descriptor: Resource<Descriptor>) -> Answer<Resource<Listing>> {
        let node = self.opened(&descriptor)?.node;
        if self.wasi.fs.filetype(node) != FileType::Directory {
            return Err(Errno::Notdir.into());
        }
        // Past `.` and `..`, which this listing does not have.
        self.hold(node, Listing { node, cookie: 2 })
    }

    fn sync(&mut self, descriptor: Resource<Descriptor>) -> Answer {
        self.opened(&descriptor).map(drop)
    }

    fn create_directory_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> Answer {
        let at = self.look_to_change(&descriptor, &path, PathFlags::empty())?;
        let now = self.wasi.clock.wall();
        self.wasi.fs.create_directory(&at, now)
    }

    fn stat(&mut self, descriptor: Resource<Descriptor>) -> Answer<DescriptorStat> {
        let node = self.opened(&descriptor)?.node;
        Ok(self.wasi.fs.stat(node).into())
    }

    fn stat_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<DescriptorStat> {
        let at = self.look(&descriptor, &path, flags)?;
        let node = at.existing(&self.wasi.fs)?;
        Ok(self.wasi.fs.stat(node).into())
    }

    fn set_times_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> Answer {
        let at = self.look_to_change(&descriptor, &path, flags)?;
        let (accessed, modified) = (self.chosen(accessed), self.chosen(modified));
        let now = self.wasi.clock.wall();
        let fs = &mut self.wasi.fs;
        let node = at.existing(fs)?;
        let node = fs.adopted(&at, node)?;
        Ok(fs.set_times(node, accessed, modified, now)?)
    }

    fn link_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> Answer {
        // As with preview 1: whether a link to a link is followed is left open by POSIX.
        if flags.contains(PathFlags::SYMLINK_FOLLOW) {
            return Err(Errno::Inval.into());
        }
        let from = self.look_to_change(&descriptor, &path, flags)?;
        let to = self.look_to_change(&new_descriptor, &new_path, PathFlags::empty())?;
        let now = self.wasi.clock.wall();
        self.wasi.fs.hard_link(&from, &to, now)
    }

    fn open_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Resource<Descriptor>> {
        let base = self.opened(&descriptor)?.flags;
        let may_change = base.contains(DescriptorFlags::MUTATE_DIRECTORY);
        let creates = open.contains(OpenFlags::CREATE);
        let truncates = open.contains(OpenFlags::TRUNCATE);
        let directory = open.contains(OpenFlags::DIRECTORY);
        let changes = flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
        if (creates || truncates || changes) && !may_change {
            return Err(Errno::Rofs.into());
        }
        let exclusive = creates && open.contains(OpenFlags::EXCLUSIVE);
        if directory && (creates || truncates) {
            return Err(Errno::Inval.into());
        }
        // A link in the way of an exclusive creation is what is there already.
        let path_flags = if exclusive {
            PathFlags::empty()
        } else {
            path_flags
        };
        let at = self.look(&descriptor, &path, path_flags)?;
        let now = self.wasi.clock.wall();
        let writes = flags.contains(DescriptorFlags::WRITE);
        let fs = &mut self.wasi.fs;
        let node = match at.node {
            None if creates => fs.create_file(&at, now)?,
            None => return Err(Errno::Noent.into()),
            Some(_) if exclusive => return Err(Errno::Exist.into()),
            Some(_) => {
                let node = at.existing(fs)?;
                match fs.filetype(node) {
                    FileType::SymbolicLink => return Err(Errno::Loop.into()),
                    FileType::RegularFile if directory => return Err(Errno::Notdir.into()),
                    FileType::Directory if creates || truncates || (writes && !directory) => {
                        return Err(Errno::Isdir.into());
                    }
                    _ => fs.adopted(&at, node)?,
                }
            }
        };
        let mut flags = flags;
        if fs.filetype(node) == FileType::Directory {
            flags &= directory_flags();
        } else {
            flags &= file_flags();
            if (writes || truncates) && !fs.is_writable(node) {
                return Err(Errno::Rofs.into());
            }
            if truncates {
                fs.set_len(node, 0, now)?;
            }
        }
        self.hold(node, Descriptor { node, flags })
    }

    fn readlink_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> Answer<String> {
        let at = self.look(&descriptor, &path, PathFlags::empty())?;
        Ok(self.wasi.fs.read_link(&at)?.to_owned())
    }

    fn remove_directory_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> Answer {
        let at = self.look_to_change(&descriptor, &path, PathFlags::empty())?;
        let now = self.wasi.clock.wall();
        self.wasi.fs.remove_directory(&at, now)
    }

    fn rename_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> Answer {
        let from = self.look_to_change(&descriptor, &path, PathFlags::empty())?;
        let to = self.look_to_change(&new_descriptor, &new_path, PathFlags::empty())?;
        let now = self.wasi.clock.wall();
        self.wasi.fs.rename(&from, &to, now)
    }

    fn symlink_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> Answer {
        let at = self.look_to_change(&descriptor, &path, PathFlags::empty())?;
        // As with preview 1.
        if target.is_empty() {
            return Err(Errno::Noent.into());
        }
        if target.starts_with('/') {
            return Err(Errno::Perm.into());
        }
        if target.contains('\0') {
            return Err(Errno::Inval.into());
        }
        let now = self.wasi.clock.wall();
        self.wasi.fs.create_symlink(&at, &target, now)
    }

    fn unlink_file_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> Answer {
        let at = self.look_to_change(&descriptor, &path, PathFlags::empty())?;
        let now = self.wasi.clock.wall();
        self.wasi.fs.unlink_file(&at, now)
    }

    fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        Ok(self.table.get(&one)?.node == self.table.get(&other)?.node)
    }

    fn metadata_hash(&mut self, descriptor: Resource<Descriptor>) -> Answer<MetadataHashValue> {
        let node = self.opened(&descriptor)?.node;
        Ok(self.hash(node))
    }

    fn metadata_hash_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<MetadataHashValue> {
        let at = self.look(&descriptor, &path, flags)?;
        let node = at.existing(&self.wasi.fs)?;
        Ok(self.hash(node))
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        let open = self.table.delete(descriptor)?;
        self.wasi.fs.release(open.node);
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Guest {
    fn read_directory_entry(
        &mut self,
        listing: Resource<Listing>,
    ) -> Answer<Option<DirectoryEntry>> {
        self.wasi.meter.check_time().map_err(Stop::Limit)?;
        let listing = self.table.get_mut(&listing).map_err(|_| Errno::Badf)?;
        let Some((next, name, node)) = self.wasi.fs.entry(listing.node, listing.cookie) else {
            return Ok(None);
        };
        listing.cookie = next;
        Ok(Some(DirectoryEntry {
            type_: self.wasi.fs.filetype(node).into(),
            name: name.to_owned(),
        }))
    }

    fn drop(&mut self, listing: Resource<Listing>) -> wasmtime::Result<()> {
        let listing = self.table.delete(listing)?;
        self.wasi.fs.release(listing.node);
        Ok(())
    }
}

impl preopens::Host for Guest {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let Some(node) = self.wasi.fs.root() else {
            return Ok(Vec::new());
        };
        let flags = directory_flags();
        let root = self.hand(Descriptor { node, flags })?;
        self.wasi.fs.retain(node);
        Ok(vec![(root, "/".to_owned())])
    }
}

impl From<FileType> for DescriptorType {
    fn from(filetype: FileType) -> Self {
        match filetype {
            FileType::Unknown => Self::Unknown,
            FileType::Directory => Self::Directory,
            FileType::RegularFile => Self::RegularFile,
            FileType::SymbolicLink => Self::SymbolicLink,
        }
    }
}

impl From<Stat> for DescriptorStat {
    fn from(stat: Stat) -> Self {
        Self {
            type_: stat.filetype.into(),
            link_count: stat.links,
            size: stat.size,
            data_access_timestamp: Some(stat.times.accessed.into()),
            data_modification_timestamp: Some(stat.times.modified.into()),
            status_change_timestamp: Some(stat.times.changed.into()),
        }
    }
}

/// The error of preview 2 that means the same.
fn code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::Badf => ErrorCode::BadDescriptor,
        Errno::Busy => ErrorCode::Busy,
        Errno::Exist => ErrorCode::Exist,
        Errno::Fbig => ErrorCode::FileTooLarge,
        Errno::Ilseq => ErrorCode::IllegalByteSequence,
        Errno::Fault | Errno::Inval => ErrorCode::Invalid,
        Errno::Io => ErrorCode::Io,
        Errno::Isdir => ErrorCode::IsDirectory,
        Errno::Loop => ErrorCode::Loop,
        Errno::Mfile => ErrorCode::InsufficientMemory,
        Errno::Mlink => ErrorCode::TooManyLinks,
        Errno::Nametoolong => ErrorCode::NameTooLong,
        Errno::Noent => ErrorCode::NoEntry,
        Errno::Nospc => ErrorCode::InsufficientSpace,
        Errno::Nosys | Errno::Notsock => ErrorCode::Unsupported,
        Errno::Notdir => ErrorCode::NotDirectory,
        Errno::Notempty => ErrorCode::NotEmpty,
        Errno::Perm | Errno::Notcapable => ErrorCode::NotPermitted,
        Errno::Pipe => ErrorCode::Pipe,
        Errno::Rofs => ErrorCode::ReadOnly,
        Errno::Spipe => ErrorCode::InvalidSeek,
    }
}
