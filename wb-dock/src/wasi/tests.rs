//! Preview 1 as a guest calls it, function by function; in one file, because every
//! case is a few calls on the same desk.

use wb_policy::{Budget, Limits, Profile};

use super::descriptor::Rights;
use super::errno::{Errno, Fail};
use super::{Answer, GuestMemory, Wasi};
use crate::fs::{FileSystem, Image, Mount};
use crate::limits::{Meter, Stop};

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

#[test]
fn the_root_is_the_one_preopen() {
    let mut desk = Desk::new();
    desk.call(|w, m| w.fd_prestat_get(m, ROOT, OUT)).unwrap();
    assert_eq!((desk.u32_at(OUT), desk.u32_at(OUT + 4)), (0, 1));
    desk.call(|w, m| w.fd_prestat_dir_name(m, ROOT, BUFFER, 1))
        .unwrap();
    assert_eq!(desk.memory[BUFFER as usize], b'/');
    assert_eq!(
        desk.call(|w, m| w.fd_prestat_dir_name(m, ROOT, BUFFER, 0)),
        Err(Errno::Nametoolong)
    );
    for fd in [0, 1, 2, 4, 99] {
        assert_eq!(
            desk.call(|w, m| w.fd_prestat_get(m, fd, OUT)),
            Err(Errno::Badf)
        );
    }
    let mut bare = Desk::with(Vec::new());
    assert_eq!(
        bare.call(|w, m| w.fd_prestat_get(m, ROOT, OUT)),
        Err(Errno::Badf)
    );
}

#[test]
fn files_are_read_where_they_lie() {
    let mut desk = Desk::new();
    assert_eq!(desk.content("a.txt").unwrap(), "alpha");
    assert_eq!(desk.content("usr/lib/x.a").unwrap(), "archive");
    assert_eq!(desk.content("dir/./sub/../b.txt").unwrap(), "beta");
    assert_eq!(desk.content("dir//sub///c.txt").unwrap(), "gamma");
    assert_eq!(desk.content("nothing"), Err(Errno::Noent));
    assert_eq!(desk.content("a.txt/x"), Err(Errno::Notdir));
    assert_eq!(desk.content("a.txt/"), Err(Errno::Notdir));
    assert_eq!(desk.content(""), Err(Errno::Noent));
    assert_eq!(desk.content("dir"), Err(Errno::Isdir));
}

#[test]
fn no_path_leads_out() {
    let mut desk = Desk::new();
    for path in [
        "..",
        "../a.txt",
        "dir/../..",
        "dir/../../a.txt",
        "/a.txt",
        "/",
    ] {
        assert_eq!(desk.content(path), Err(Errno::Perm), "{path}");
    }
    // An open directory is a root of its own.
    let dir = desk.open("dir", DIRECTORY).unwrap();
    assert!(desk.open_at(dir, "b.txt", 0, read_only(), 0).is_ok());
    assert_eq!(
        desk.open_at(dir, "../a.txt", 0, read_only(), 0),
        Err(Errno::Perm)
    );
    assert_eq!(desk.content("a\0.txt"), Err(Errno::Inval));
    assert_eq!(desk.content(&"x".repeat(256)), Err(Errno::Nametoolong));
    assert_eq!(desk.content(&"x/".repeat(3000)), Err(Errno::Nametoolong));
    desk.memory[PATH as usize] = 0xff;
    let bad = desk.call(|w, m| w.path_unlink_file(m, ROOT, PATH, 1));
    assert_eq!(bad, Err(Errno::Ilseq));
}

#[test]
fn reading_and_writing_move_one_position() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    assert_eq!(desk.read(fd, 2).unwrap(), "al");
    assert_eq!(desk.write(fd, "PH").unwrap(), 2);
    assert_eq!(desk.seek(fd, 0, 1).unwrap(), 4);
    assert_eq!(desk.read(fd, 100).unwrap(), "a");
    assert_eq!(desk.read(fd, 100).unwrap(), "");
    assert_eq!(desk.pread(fd, 3, 1).unwrap(), "lPH");
    assert_eq!(desk.pwrite(fd, "!", 4).unwrap(), 1);
    desk.call(|w, m| w.fd_tell(m, fd, OUT)).unwrap();
    assert_eq!(desk.u64_at(OUT), 5);
    assert_eq!(desk.content("a.txt").unwrap(), "alPH!");
}

#[test]
fn seeking_knows_its_bounds() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    assert_eq!(desk.seek(fd, -1, 2).unwrap(), 4);
    assert_eq!(desk.seek(fd, 10, 1).unwrap(), 14);
    assert_eq!(desk.seek(fd, -15, 1), Err(Errno::Inval));
    assert_eq!(desk.seek(fd, 0, 3), Err(Errno::Inval));
    assert_eq!(desk.seek(fd, i64::MAX, 0).unwrap(), i64::MAX as u64);
    assert_eq!(desk.seek(fd, 1, 1), Err(Errno::Inval));
    for stream in 0..3 {
        assert_eq!(desk.seek(stream, 0, 1), Err(Errno::Spipe));
    }
    assert_eq!(desk.seek(ROOT, 0, 1), Err(Errno::Badf));
}

#[test]
fn a_write_past_the_end_leaves_zeros() {
    let mut desk = Desk::new();
    let fd = desk.open("gap", CREATE).unwrap();
    desk.pwrite(fd, "x", 3).unwrap();
    assert_eq!(desk.content("gap").unwrap(), "\0\0\0x");
    assert_eq!(desk.pwrite(fd, "x", u64::MAX), Err(Errno::Fbig));
    assert_eq!(desk.pwrite(fd, "x", i64::MAX as u64), Err(Errno::Fbig));
}

#[test]
fn a_file_beyond_the_memory_limit_stops_the_guest() {
    let mut desk = Desk::new();
    let fd = desk.open("huge", CREATE).unwrap();
    let mut memory = GuestMemory(&mut desk.memory);
    let answer = desk.wasi.fd_filestat_set_size(&mut memory, fd, 1 << 40);
    assert!(
        matches!(answer, Err(Fail::Stop(Stop::Limit(_)))),
        "{answer:?}"
    );
}

#[test]
fn appending_writes_at_the_end_wherever_one_is() {
    let mut desk = Desk::new();
    let fd = desk
        .open_at(ROOT, "a.txt", 0, read_write(), APPEND)
        .unwrap();
    desk.write(fd, "1").unwrap();
    desk.seek(fd, 0, 0).unwrap();
    desk.write(fd, "2").unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "alpha12");
    desk.call(|w, m| w.fd_fdstat_set_flags(m, fd, 0)).unwrap();
    desk.seek(fd, 0, 0).unwrap();
    desk.write(fd, "A").unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "Alpha12");
    assert_eq!(
        desk.call(|w, m| w.fd_fdstat_set_flags(m, fd, 1 << 5)),
        Err(Errno::Inval)
    );
}

#[test]
fn opening_creates_truncates_and_excludes() {
    let mut desk = Desk::new();
    desk.open("new", CREATE).unwrap();
    assert_eq!(desk.stat("new").unwrap(), (4, 1, 0));
    assert_eq!(desk.open("new", CREATE | EXCLUSIVE), Err(Errno::Exist));
    desk.open("a.txt", TRUNCATE).unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "");
    assert_eq!(desk.open("dir", 0), Err(Errno::Isdir));
    assert_eq!(desk.open("a.txt", DIRECTORY), Err(Errno::Notdir));
    assert_eq!(desk.open("x/y", CREATE), Err(Errno::Noent));
    assert_eq!(desk.open("new/", CREATE), Err(Errno::Notdir));
    assert_eq!(desk.open("newer/", CREATE), Err(Errno::Isdir));
    assert_eq!(desk.open("dir", CREATE | DIRECTORY), Err(Errno::Inval));
}

#[test]
fn a_read_only_mount_takes_nothing() {
    let mut desk = Desk::new();
    assert_eq!(desk.open("usr/lib/x.a", 0), Err(Errno::Rofs));
    assert_eq!(desk.open("usr/new", CREATE), Err(Errno::Rofs));
    assert_eq!(desk.unlink("usr/lib/x.a"), Err(Errno::Rofs));
    assert_eq!(desk.mkdir("usr/d"), Err(Errno::Rofs));
    assert_eq!(desk.rename("usr/lib", "lib"), Err(Errno::Rofs));
    assert_eq!(desk.rename("a.txt", "usr/a"), Err(Errno::Rofs));
    assert_eq!(desk.link("usr/lib/x.a", "x"), Err(Errno::Rofs));
    assert_eq!(desk.rmdir("usr"), Err(Errno::Busy));
    assert_eq!(desk.rename("usr", "u"), Err(Errno::Busy));
    let fd = desk
        .open_at(ROOT, "usr/lib/x.a", 0, read_only(), 0)
        .unwrap();
    assert_eq!(desk.write(fd, "x"), Err(Errno::Badf));
    assert_eq!(
        desk.call(|w, m| w.fd_filestat_set_size(m, fd, 0)),
        Err(Errno::Inval)
    );
    assert_eq!(desk.content("usr/lib/x.a").unwrap(), "archive");
}

#[test]
fn an_image_is_not_changed_by_what_a_guest_writes() {
    let image = Image::from_files([("f", "one"), ("d/g", "two")]).unwrap();
    for _ in 0..2 {
        let mut desk = Desk::with(vec![Mount::writable("/", image.clone())]);
        assert_eq!(desk.content("f").unwrap(), "one");
        let fd = desk.open("f", 0).unwrap();
        desk.write(fd, "1").unwrap();
        desk.unlink("d/g").unwrap();
        assert_eq!(desk.content("f").unwrap(), "1ne");
        assert_eq!(desk.stat("d/g"), Err(Errno::Noent));
    }
}

#[test]
fn two_descriptors_of_one_file_see_each_other() {
    let mut desk = Desk::new();
    let reader = desk.open_at(ROOT, "dir/b.txt", 0, read_only(), 0).unwrap();
    let ino = desk.ino("dir/b.txt");
    let writer = desk.open("dir/b.txt", 0).unwrap();
    desk.write(writer, "B").unwrap();
    assert_eq!(desk.read(reader, 10).unwrap(), "Beta");
    assert_eq!(desk.ino("dir/b.txt"), ino);
}

#[test]
fn an_open_file_outlives_its_name() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    desk.unlink("a.txt").unwrap();
    assert_eq!(desk.stat("a.txt"), Err(Errno::Noent));
    assert_eq!(desk.read(fd, 10).unwrap(), "alpha");
    desk.close(fd).unwrap();
    assert_eq!(desk.read(fd, 10), Err(Errno::Badf));
    // A removed directory takes nothing new.
    desk.mkdir("gone").unwrap();
    let dir = desk.open("gone", DIRECTORY).unwrap();
    desk.rmdir("gone").unwrap();
    assert_eq!(
        desk.open_at(dir, "x", CREATE, read_write(), 0),
        Err(Errno::Noent)
    );
    assert!(desk.list_fd(dir, 4096, |_, _| {}).is_empty());
}

#[test]
fn what_is_deleted_can_be_used_again() {
    let mut desk = Desk::new();
    // A hundred times what the memory limit would hold.
    for round in 0..800 {
        let fd = desk.open("big", CREATE).unwrap();
        desk.call(|w, m| w.fd_filestat_set_size(m, fd, 1 << 20))
            .unwrap();
        desk.close(fd).unwrap();
        desk.unlink("big")
            .unwrap_or_else(|e| panic!("{round}: {e:?}"));
    }
}

#[test]
fn directories_come_and_go() {
    let mut desk = Desk::new();
    desk.mkdir("d").unwrap();
    desk.mkdir("d/e/").unwrap();
    assert_eq!(desk.stat("d/e").unwrap().0, 3);
    assert_eq!(desk.mkdir("d"), Err(Errno::Exist));
    assert_eq!(desk.mkdir("."), Err(Errno::Exist));
    assert_eq!(desk.rmdir("d"), Err(Errno::Notempty));
    assert_eq!(desk.rmdir("a.txt"), Err(Errno::Notdir));
    assert_eq!(desk.unlink("d/e"), Err(Errno::Isdir));
    assert_eq!(desk.unlink("a.txt/"), Err(Errno::Notdir));
    desk.rmdir("d/e").unwrap();
    desk.rmdir("d").unwrap();
    assert_eq!(desk.rmdir("d"), Err(Errno::Noent));
    assert_eq!(desk.rmdir("."), Err(Errno::Inval));
}

#[test]
fn listings_are_whole_at_any_buffer_size() {
    let mut desk = Desk::new();
    assert_eq!(desk.list(".", 4096), ["a.txt", "dir", "usr"]);
    assert_eq!(desk.list("usr", 4096), ["latest", "lib"]);
    desk.mkdir("many").unwrap();
    let names: Vec<String> = (0..100)
        .map(|i| format!("{:x<1$}", i, i % 40 + 1))
        .collect();
    for name in &names {
        let fd = desk.open(&format!("many/{name}"), CREATE).unwrap();
        desk.close(fd).unwrap();
    }
    for size in [70, 100, 333, 65_536] {
        assert_eq!(desk.list("many", size), names, "{size}");
    }
}

#[test]
fn deleting_while_listing_misses_nothing() {
    let mut desk = Desk::new();
    desk.mkdir("many").unwrap();
    for i in 0..200 {
        let fd = desk.open(&format!("many/{i}"), CREATE).unwrap();
        desk.close(fd).unwrap();
    }
    let fd = desk.open("many", DIRECTORY).unwrap();
    let seen = desk.list_fd(fd, 150, |desk, name| {
        desk.unlink(&format!("many/{name}")).unwrap();
    });
    assert_eq!(seen.len(), 200);
    desk.rmdir("many").unwrap();
}

#[test]
fn renaming_moves_and_replaces() {
    let mut desk = Desk::new();
    let ino = desk.ino("dir");
    desk.rename("dir", "moved").unwrap();
    assert_eq!(desk.ino("moved"), ino);
    assert_eq!(desk.content("moved/sub/c.txt").unwrap(), "gamma");
    desk.rename("a.txt", "moved/b.txt").unwrap();
    assert_eq!(desk.content("moved/b.txt").unwrap(), "alpha");
    desk.rename("moved/b.txt", "moved/b.txt").unwrap();
    assert_eq!(desk.rename("moved", "moved/sub/x"), Err(Errno::Inval));
    assert_eq!(desk.rename("moved/b.txt", "moved/sub"), Err(Errno::Isdir));
    assert_eq!(desk.rename("moved/sub", "moved/b.txt"), Err(Errno::Notdir));
    desk.mkdir("full").unwrap();
    desk.mkdir("full/x").unwrap();
    assert_eq!(desk.rename("moved/sub", "full"), Err(Errno::Notempty));
    desk.rmdir("full/x").unwrap();
    desk.rename("moved/sub", "full").unwrap();
    assert_eq!(desk.content("full/c.txt").unwrap(), "gamma");
    // The parent moved along with it.
    assert_eq!(desk.content("full/../full/c.txt").unwrap(), "gamma");
    assert_eq!(desk.rename("nothing", "x"), Err(Errno::Noent));
    assert_eq!(desk.rename(".", "x"), Err(Errno::Busy));
}

#[test]
fn hard_links_are_one_file() {
    let mut desk = Desk::new();
    desk.link("a.txt", "b").unwrap();
    assert_eq!(desk.stat("b").unwrap(), (4, 2, 5));
    let fd = desk.open("b", 0).unwrap();
    desk.write(fd, "A").unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "Alpha");
    desk.unlink("a.txt").unwrap();
    assert_eq!(desk.stat("b").unwrap(), (4, 1, 5));
    assert_eq!(desk.link("dir", "d2"), Err(Errno::Perm));
    assert_eq!(desk.link("b", "dir"), Err(Errno::Exist));
}

#[test]
fn symbolic_links_stay_inside() {
    let mut desk = Desk::new();
    desk.symlink("dir/b.txt", "l").unwrap();
    assert_eq!(desk.content("l").unwrap(), "beta");
    assert_eq!(desk.readlink("l").unwrap(), "dir/b.txt");
    assert_eq!(desk.stat_with("l", 0).unwrap(), (7, 1, 9));
    assert_eq!(desk.content("usr/latest").unwrap(), "archive");
    assert_eq!(desk.readlink("a.txt"), Err(Errno::Inval));
    desk.symlink("../..", "dir/up").unwrap();
    assert_eq!(desk.content("dir/up/a.txt"), Err(Errno::Perm));
    assert_eq!(desk.symlink("/a.txt", "abs"), Err(Errno::Perm));
    desk.symlink("loop2", "loop").unwrap();
    desk.symlink("loop", "loop2").unwrap();
    assert_eq!(desk.content("loop"), Err(Errno::Loop));
    // A link to what is not there yet brings it into being.
    desk.symlink("born", "wish").unwrap();
    assert_eq!(desk.content("wish"), Err(Errno::Noent));
    desk.open("wish", CREATE).unwrap();
    assert_eq!(desk.stat("born").unwrap().0, 4);
    desk.symlink("unborn", "wish2").unwrap();
    assert_eq!(desk.open("wish2", CREATE | EXCLUSIVE), Err(Errno::Exist));
    desk.unlink("l").unwrap();
    assert_eq!(desk.content("dir/b.txt").unwrap(), "beta");
}

#[test]
fn sizes_and_times_can_be_set() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    desk.call(|w, m| w.fd_filestat_set_size(m, fd, 2)).unwrap();
    desk.call(|w, m| w.fd_filestat_set_size(m, fd, 4)).unwrap();
    assert_eq!(desk.content("a.txt").unwrap(), "al\0\0");
    desk.call(|w, m| w.fd_allocate(m, fd, 2, 4)).unwrap();
    assert_eq!(desk.stat("a.txt").unwrap().2, 6);
    desk.call(|w, m| w.fd_filestat_set_times(m, fd, 7, 9, 0b101))
        .unwrap();
    desk.stat("a.txt").unwrap();
    assert_eq!((desk.u64_at(BUFFER + 40), desk.u64_at(BUFFER + 48)), (7, 9));
    let both = desk.call(|w, m| w.fd_filestat_set_times(m, fd, 7, 9, 0b11));
    assert_eq!(both, Err(Errno::Inval));
    desk.on_path("dir/b.txt", |w, m, len| {
        w.path_filestat_set_times(m, ROOT, 1, PATH, len, 0, 11, 0b100)
    })
    .unwrap();
    desk.stat("dir/b.txt").unwrap();
    assert_eq!(desk.u64_at(BUFFER + 48), 11);
    for (advice, answer) in [(5, Ok(())), (6, Err(Errno::Inval))] {
        assert_eq!(desk.call(|w, m| w.fd_advise(m, fd, 0, 0, advice)), answer);
    }
    desk.call(|w, m| w.fd_sync(m, fd)).unwrap();
    desk.call(|w, m| w.fd_datasync(m, fd)).unwrap();
}

#[test]
fn rights_only_shrink() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    let only_read = Rights::FD_READ.0;
    desk.call(|w, m| w.fd_fdstat_set_rights(m, fd, only_read, 0))
        .unwrap();
    assert_eq!(
        desk.call(|w, m| w.fd_fdstat_set_rights(m, fd, Rights::FD_WRITE.0, 0)),
        Err(Errno::Notcapable)
    );
    assert_eq!(desk.read(fd, 2).unwrap(), "al");
    assert_eq!(desk.write(fd, "x"), Err(Errno::Badf));
    assert_eq!(desk.seek(fd, 1, 0), Err(Errno::Notcapable));
    assert_eq!(
        desk.call(|w, m| w.fd_tell(m, fd, OUT)),
        Err(Errno::Notcapable)
    );
    // What a directory may not do, nothing opened through it may.
    let dir = desk.open("dir", DIRECTORY).unwrap();
    desk.call(|w, m| w.fd_fdstat_set_rights(m, dir, Rights::PATH_OPEN.0, only_read))
        .unwrap();
    let below = desk.open_at(dir, "b.txt", 0, read_write(), 0).unwrap();
    assert_eq!(desk.write(below, "x"), Err(Errno::Badf));
    assert_eq!(
        desk.open_at(dir, "n", CREATE, read_write(), 0),
        Err(Errno::Notcapable)
    );
}

#[test]
fn descriptors_are_numbered_from_the_lowest() {
    let mut desk = Desk::new();
    let [a, b, c] = [(); 3].map(|()| desk.open("a.txt", 0).unwrap());
    assert_eq!([a, b, c], [4, 5, 6]);
    desk.close(b).unwrap();
    assert_eq!(desk.open("a.txt", 0).unwrap(), b);
    desk.call(|w, m| w.fd_renumber(m, c, a)).unwrap();
    assert_eq!(desk.close(c), Err(Errno::Badf));
    assert_eq!(desk.call(|w, m| w.fd_renumber(m, a, 99)), Err(Errno::Badf));
    let opened = std::iter::repeat_with(|| desk.open("a.txt", 0))
        .take(2000)
        .take_while(Result::is_ok)
        .count();
    assert!((1000..1024).contains(&opened), "{opened}");
    assert_eq!(desk.open("a.txt", 0), Err(Errno::Mfile));
}

#[test]
fn streams_are_no_terminals() {
    let mut desk = Desk::new();
    for fd in 0..3 {
        desk.call(|w, m| w.fd_fdstat_get(m, fd, OUT)).unwrap();
        assert_eq!(desk.memory[OUT as usize], 0, "not a character device");
        desk.call(|w, m| w.fd_filestat_get(m, fd, BUFFER)).unwrap();
    }
    assert_eq!(desk.write(0, "x"), Err(Errno::Badf));
    assert_eq!(desk.read(1, 1), Err(Errno::Badf));
    assert_eq!(desk.read(ROOT, 1), Err(Errno::Isdir));
    desk.write(1, "out").unwrap();
    desk.write(2, "err").unwrap();
    desk.wasi.stdin = "in".into();
    assert_eq!(desk.read(0, 100).unwrap(), "in");
    assert_eq!(desk.read(0, 100).unwrap(), "");
}

#[test]
fn vectors_are_bounded() {
    let mut desk = Desk::new();
    let fd = desk.open("a.txt", 0).unwrap();
    let many = desk.call(|w, m| w.fd_read(m, fd, BUFFER, 1025, OUT));
    assert_eq!(many, Err(Errno::Inval));
    let outside = desk.call(|w, m| w.fd_read(m, fd, 0x2fffc, 1, OUT));
    assert_eq!(outside, Err(Errno::Fault));
    desk.vector(u32::MAX);
    let overlong = desk.call(|w, m| w.fd_write(m, fd, VECTOR, 1, OUT));
    assert_eq!(overlong, Err(Errno::Fault));
}

/// Polls one subscription and returns errno, type and bytes of the event.
fn poll(desk: &mut Desk, tag: u8, id: u32, timeout: u64, flags: u16) -> (u16, u8, u64) {
    const AT: u32 = 0x200;
    let mut memory = GuestMemory(&mut desk.memory);
    memory.write(AT, &[0; 48]).unwrap();
    memory.write_u64(AT, 42).unwrap();
    memory.write(AT + 8, &[tag]).unwrap();
    memory.write_u32(AT + 16, id).unwrap();
    memory.write_u64(AT + 24, timeout).unwrap();
    memory.write(AT + 40, &flags.to_le_bytes()).unwrap();
    desk.call(|w, m| w.poll_oneoff(m, AT, BUFFER, 1, OUT))
        .unwrap();
    assert_eq!((desk.u32_at(OUT), desk.u64_at(BUFFER)), (1, 42));
    let event = &desk.memory[BUFFER as usize..];
    let errno = u16::from_le_bytes([event[8], event[9]]);
    (errno, event[10], desk.u64_at(BUFFER + 16))
}

fn now(desk: &mut Desk, clock: u32) -> u64 {
    desk.call(|w, m| w.clock_time_get(m, clock, 0, OUT))
        .unwrap();
    desk.u64_at(OUT)
}

#[test]
fn polling_passes_virtual_time() {
    let mut desk = Desk::new();
    let before = now(&mut desk, 1);
    assert_eq!(poll(&mut desk, 0, 1, 5_000_000_000, 0), (0, 0, 0));
    let after = now(&mut desk, 1);
    assert!((5_000_000_000..5_001_000_000).contains(&(after - before)));
    // An instant that has passed is due at once.
    assert_eq!(poll(&mut desk, 0, 1, before, 1), (0, 0, 0));
    assert!(now(&mut desk, 1) - after < 1_000_000);
    assert_eq!(poll(&mut desk, 0, 9, 0, 0).0, Errno::Inval as u16);
    let fd = desk.open("a.txt", 0).unwrap();
    assert_eq!(poll(&mut desk, 1, fd, 0, 0), (0, 1, 5));
    assert_eq!(poll(&mut desk, 2, 1, 0, 0), (0, 2, 0));
    assert_eq!(poll(&mut desk, 1, 77, 0, 0).0, Errno::Badf as u16);
    let none = desk.call(|w, m| w.poll_oneoff(m, 0, BUFFER, 0, OUT));
    assert_eq!(none, Err(Errno::Inval));
}

#[test]
fn clocks_move_when_read() {
    let mut desk = Desk::new();
    assert!(now(&mut desk, 0) < now(&mut desk, 0));
    assert!(now(&mut desk, 1) < now(&mut desk, 1));
    assert_eq!(
        desk.call(|w, m| w.clock_time_get(m, 4, 0, OUT)),
        Err(Errno::Inval)
    );
    desk.call(|w, m| w.clock_res_get(m, 0, OUT)).unwrap();
    assert_eq!(desk.u64_at(OUT), 1000);
}

#[test]
fn what_was_written_comes_back() {
    let mut desk = Desk::new();
    desk.mkdir("out").unwrap();
    let fd = desk.open("out/x", CREATE).unwrap();
    desk.write(fd, "made").unwrap();
    desk.rename("dir/b.txt", "out/b").unwrap();
    let mut files = desk.wasi.fs.into_files();
    assert_eq!(files.get("/out/x").unwrap(), "made");
    assert_eq!(files.get("usr/latest").unwrap(), "archive");
    assert_eq!(files.get("/nothing"), None);
    assert_eq!(files.get("/dir"), None);
    let changed: Vec<_> = files.changed().into_iter().map(|(path, _)| path).collect();
    assert_eq!(changed, ["/out/b", "/out/x"]);
    let all: Vec<_> = files.all().into_iter().map(|(path, _)| path).collect();
    assert_eq!(all, ["/a.txt", "/dir/sub/c.txt", "/out/b", "/out/x"]);
}

#[test]
fn mounts_that_collide_are_refused() {
    let image = || Image::from_files([("a", "x")]).unwrap();
    let budget = Budget::new("desk", Profile::compute().limits());
    for mounts in [
        vec![
            Mount::read_only("/", image()),
            Mount::writable("/", image()),
        ],
        vec![Mount::read_only("/x/..", image())],
        vec![
            Mount::writable("/", image()),
            Mount::writable("/a/b", image()),
        ],
    ] {
        let error = FileSystem::new(mounts, &budget).unwrap_err();
        assert_eq!(error.code(), "dock/bad-path");
    }
}
