//! Preview 1 as a guest calls it, function by function. What a host of the Dock must answer
//! is in the cases of the conformance suite; here is what they cannot see.

use wb_policy::{Budget, Limits, Profile};

use super::descriptor::Rights;
use super::errno::{Errno, Fail};
use super::{Answer, GuestMemory, Wasi};
use crate::fs::{FileSystem, Image, Mount};
use crate::limits::{Meter, Stop};

mod descriptors;
mod files;
mod images;
mod time;
mod tree;

/// Where the strings and buffers of a call lie in the guest's memory.
const PATH: u32 = 0x100;
const OTHER_PATH: u32 = 0x8000;
const VECTOR: u32 = 0x40;
const OUT: u32 = 0x80;
const BUFFER: u32 = 0x10000;

const ROOT: u32 = 3;
const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
const APPEND: u32 = 1;

/// A guest without code: memory, and calls with strings instead of pointers.
struct Desk {
    wasi: Wasi,
    memory: Vec<u8>,
}

fn read_write() -> Rights {
    Rights::ALL
}

fn read_only() -> Rights {
    Rights(Rights::ALL.0 & !Rights::FD_WRITE.0)
}

impl Desk {
    /// `/` is writable and holds some files; `/usr` is read-only.
    fn new() -> Self {
        let root = Image::from_files([
            ("a.txt", "alpha"),
            ("dir/b.txt", "beta"),
            ("dir/sub/c.txt", "gamma"),
        ]);
        let mut usr = Image::builder();
        usr.file("lib/x.a", "archive").unwrap();
        usr.symlink("latest", "lib/x.a").unwrap();
        Self::with(vec![
            Mount::writable("/", root.unwrap()),
            Mount::read_only("/usr", usr.finish()),
        ])
    }

    fn with(mounts: Vec<Mount>) -> Self {
        let limits = Limits {
            memory: 8 << 20,
            ..Profile::compute().limits()
        };
        let budget = Budget::new("desk", limits);
        let fs = FileSystem::new(mounts, &budget).unwrap();
        Self {
            wasi: Wasi::new(Meter::start(budget), fs),
            memory: vec![0; 0x30000],
        }
    }

    fn call(
        &mut self,
        call: impl FnOnce(&mut Wasi, &mut GuestMemory<'_>) -> Answer,
    ) -> Result<(), Errno> {
        match call(&mut self.wasi, &mut GuestMemory(&mut self.memory)) {
            Ok(()) => Ok(()),
            Err(Fail::Errno(errno)) => Err(errno),
            Err(Fail::Stop(stop)) => panic!("stopped: {stop}"),
        }
    }

    fn put(&mut self, at: u32, text: &str) -> u32 {
        self.memory[at as usize..][..text.len()].copy_from_slice(text.as_bytes());
        text.len() as u32
    }

    fn u32_at(&self, at: u32) -> u32 {
        GuestMemory(&mut self.memory.clone()).read_u32(at).unwrap()
    }

    fn u64_at(&self, at: u32) -> u64 {
        GuestMemory(&mut self.memory.clone()).read_u64(at).unwrap()
    }

    fn open_at(
        &mut self,
        fd: u32,
        path: &str,
        oflags: u32,
        rights: Rights,
        flags: u32,
    ) -> Result<u32, Errno> {
        let len = self.put(PATH, path);
        self.call(|wasi, memory| {
            let (all, out) = (Rights::ALL.0, OUT);
            wasi.path_open(memory, fd, 1, PATH, len, oflags, rights.0, all, flags, out)
        })?;
        Ok(self.u32_at(OUT))
    }

    fn open(&mut self, path: &str, oflags: u32) -> Result<u32, Errno> {
        let rights = if oflags & DIRECTORY == 0 {
            read_write()
        } else {
            read_only()
        };
        self.open_at(ROOT, path, oflags, rights, 0)
    }

    fn close(&mut self, fd: u32) -> Result<(), Errno> {
        self.call(|wasi, memory| wasi.fd_close(memory, fd))
    }

    fn vector(&mut self, len: u32) {
        let mut memory = GuestMemory(&mut self.memory);
        memory.write_u32(VECTOR, BUFFER).unwrap();
        memory.write_u32(VECTOR + 4, len).unwrap();
    }

    fn read(&mut self, fd: u32, len: u32) -> Result<String, Errno> {
        self.vector(len);
        self.call(|wasi, memory| wasi.fd_read(memory, fd, VECTOR, 1, OUT))?;
        Ok(self.buffer())
    }

    fn pread(&mut self, fd: u32, len: u32, offset: u64) -> Result<String, Errno> {
        self.vector(len);
        self.call(|wasi, memory| wasi.fd_pread(memory, fd, VECTOR, 1, offset, OUT))?;
        Ok(self.buffer())
    }

    fn buffer(&self) -> String {
        let len = self.u32_at(OUT) as usize;
        String::from_utf8(self.memory[BUFFER as usize..][..len].to_vec()).unwrap()
    }

    fn write(&mut self, fd: u32, text: &str) -> Result<u32, Errno> {
        let len = self.put(BUFFER, text);
        self.vector(len);
        self.call(|wasi, memory| wasi.fd_write(memory, fd, VECTOR, 1, OUT))?;
        Ok(self.u32_at(OUT))
    }

    fn pwrite(&mut self, fd: u32, text: &str, offset: u64) -> Result<u32, Errno> {
        let len = self.put(BUFFER, text);
        self.vector(len);
        self.call(|wasi, memory| wasi.fd_pwrite(memory, fd, VECTOR, 1, offset, OUT))?;
        Ok(self.u32_at(OUT))
    }

    fn seek(&mut self, fd: u32, offset: i64, whence: u32) -> Result<u64, Errno> {
        self.call(|wasi, memory| wasi.fd_seek(memory, fd, offset, whence, OUT))?;
        Ok(self.u64_at(OUT))
    }

    /// The whole content of a file.
    fn content(&mut self, path: &str) -> Result<String, Errno> {
        let fd = self.open_at(ROOT, path, 0, read_only(), 0)?;
        let content = self.read(fd, 1000);
        self.close(fd)?;
        content
    }

    /// Type, links and size; type 3 is a directory, 4 a file, 7 a link.
    fn stat_with(&mut self, path: &str, lookup: u32) -> Result<(u8, u64, u64), Errno> {
        let len = self.put(PATH, path);
        self.call(|wasi, memory| wasi.path_filestat_get(memory, ROOT, lookup, PATH, len, BUFFER))?;
        let kind = self.memory[BUFFER as usize + 16];
        Ok((kind, self.u64_at(BUFFER + 24), self.u64_at(BUFFER + 32)))
    }

    fn stat(&mut self, path: &str) -> Result<(u8, u64, u64), Errno> {
        self.stat_with(path, 1)
    }

    fn ino(&mut self, path: &str) -> u64 {
        self.stat(path).unwrap();
        self.u64_at(BUFFER + 8)
    }

    fn on_path(
        &mut self,
        path: &str,
        call: impl FnOnce(&mut Wasi, &mut GuestMemory<'_>, u32) -> Answer,
    ) -> Result<(), Errno> {
        let len = self.put(PATH, path);
        self.call(|wasi, memory| call(wasi, memory, len))
    }

    fn mkdir(&mut self, path: &str) -> Result<(), Errno> {
        self.on_path(path, |w, m, len| {
            w.path_create_directory(m, ROOT, PATH, len)
        })
    }

    fn rmdir(&mut self, path: &str) -> Result<(), Errno> {
        self.on_path(path, |w, m, len| {
            w.path_remove_directory(m, ROOT, PATH, len)
        })
    }

    fn unlink(&mut self, path: &str) -> Result<(), Errno> {
        self.on_path(path, |w, m, len| w.path_unlink_file(m, ROOT, PATH, len))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let to = self.put(OTHER_PATH, to);
        self.on_path(from, |w, m, len| {
            w.path_rename(m, ROOT, PATH, len, ROOT, OTHER_PATH, to)
        })
    }

    fn link(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let to = self.put(OTHER_PATH, to);
        self.on_path(from, |w, m, len| {
            w.path_link(m, ROOT, 0, PATH, len, ROOT, OTHER_PATH, to)
        })
    }

    fn symlink(&mut self, target: &str, at: &str) -> Result<(), Errno> {
        let target = self.put(OTHER_PATH, target);
        self.on_path(at, |w, m, len| {
            w.path_symlink(m, OTHER_PATH, target, ROOT, PATH, len)
        })
    }

    fn readlink(&mut self, path: &str) -> Result<String, Errno> {
        self.on_path(path, |w, m, len| {
            w.path_readlink(m, ROOT, PATH, len, BUFFER, 100, OUT)
        })?;
        Ok(self.buffer())
    }

    /// Names in a directory, read with a buffer of `size` bytes at a time.
    fn list(&mut self, path: &str, size: u32) -> Vec<String> {
        let fd = self.open(path, DIRECTORY).unwrap();
        let names = self.list_fd(fd, size, |_, _| {});
        self.close(fd).unwrap();
        names
    }

    fn list_fd(
        &mut self,
        fd: u32,
        size: u32,
        mut each: impl FnMut(&mut Self, &str),
    ) -> Vec<String> {
        let (mut names, mut cookie) = (Vec::new(), 0);
        loop {
            self.call(|wasi, memory| wasi.fd_readdir(memory, fd, BUFFER, size, cookie, OUT))
                .unwrap();
            let used = self.u32_at(OUT);
            let page = self.memory[BUFFER as usize..][..used as usize].to_vec();
            let mut rest = &page[..];
            while rest.len() >= 24 {
                let len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
                let Some(name) = rest.get(24..24 + len) else {
                    break;
                };
                cookie = u64::from_le_bytes(rest[..8].try_into().unwrap());
                let name = String::from_utf8(name.to_vec()).unwrap();
                if name != "." && name != ".." {
                    each(self, &name);
                    names.push(name);
                }
                rest = &rest[24 + len..];
            }
            if used < size {
                return names;
            }
        }
    }
}
