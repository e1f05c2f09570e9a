use wasmtime::{Caller, Linker};

use super::Answer;
use super::errno::{Errno, Fail};
use crate::guest::Guest;
use crate::limits::Stop;

/// The module name that guests import these functions from.
const MODULE: &str = "wasi_snapshot_preview1";

/// Links methods of [`super::Wasi`] by their names in WASI.
macro_rules! link {
    ($linker:ident: $($name:ident($($arg:ident: $ty:ty),*);)*) => {
        $($linker.func_wrap(
            MODULE,
            stringify!($name),
            |mut caller: Caller<'_, Guest>, $($arg: $ty),*| -> wasmtime::Result<u32> {
                let (mut memory, guest) = Guest::split(&mut caller)?;
                answer(guest.wasi.$name(&mut memory, $($arg),*))
            },
        )?;)*
    };
}

fn answer(answer: Answer) -> wasmtime::Result<u32> {
    match answer {
        Ok(()) => Ok(0),
        Err(Fail::Errno(errno)) => Ok(errno as u32),
        Err(Fail::Stop(stop)) => Err(stop.into()),
    }
}

/// Links all 46 functions of preview 1.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link! { linker:
        args_get(pointers: u32, buffer: u32);
        args_sizes_get(count: u32, size: u32);
        clock_res_get(id: u32, out: u32);
        clock_time_get(id: u32, precision: u64, out: u32);
        environ_get(pointers: u32, buffer: u32);
        environ_sizes_get(count: u32, size: u32);
        fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
        fd_allocate(fd: u32, offset: u64, len: u64);
        fd_close(fd: u32);
        fd_datasync(fd: u32);
        fd_fdstat_get(fd: u32, out: u32);
        fd_fdstat_set_flags(fd: u32, flags: u32);
        fd_fdstat_set_rights(fd: u32, rights: u64, inheriting: u64);
        fd_filestat_get(fd: u32, out: u32);
        fd_filestat_set_size(fd: u32, size: u64);
        fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32);
        fd_pread(fd: u32, vectors: u32, count: u32, offset: u64, out: u32);
        fd_prestat_dir_name(fd: u32, ptr: u32, len: u32);
        fd_prestat_get(fd: u32, out: u32);
        fd_pwrite(fd: u32, vectors: u32, count: u32, offset: u64, out: u32);
        fd_read(fd: u32, vectors: u32, count: u32, out: u32);
        fd_readdir(fd: u32, buffer: u32, len: u32, cookie: u64, out: u32);
        fd_renumber(from: u32, to: u32);
        fd_seek(fd: u32, offset: i64, whence: u32, out: u32);
        fd_sync(fd: u32);
        fd_tell(fd: u32, out: u32);
        fd_write(fd: u32, vectors: u32, count: u32, out: u32);
        path_create_directory(fd: u32, ptr: u32, len: u32);
        path_filestat_get(fd: u32, flags: u32, ptr: u32, len: u32, out: u32);
        path_filestat_set_times(fd: u32, lookup: u32, ptr: u32, len: u32,
            accessed: u64, modified: u64, flags: u32);
        path_link(fd: u32, lookup: u32, ptr: u32, len: u32,
            new_fd: u32, new_ptr: u32, new_len: u32);
        path_open(fd: u32, lookup: u32, ptr: u32, len: u32, oflags: u32,
            rights: u64, inheriting: u64, flags: u32, out: u32);
        path_readlink(fd: u32, ptr: u32, len: u32, buffer: u32, buffer_len: u32, out: u32);
        path_remove_directory(fd: u32, ptr: u32, len: u32);
        path_rename(fd: u32, ptr: u32, len: u32, new_fd: u32, new_ptr: u32, new_len: u32);
        path_symlink(target_ptr: u32, target_len: u32, fd: u32, ptr: u32, len: u32);
        path_unlink_file(fd: u32, ptr: u32, len: u32);
        poll_oneoff(subscriptions: u32, events: u32, count: u32, out: u32);
        random_get(ptr: u32, len: u32);
    }
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(Stop::Exit(code).into())
    })?;
    // Every guest has its thread for itself.
    linker.func_wrap(MODULE, "sched_yield", || 0)?;
    // There are no signals to raise, and no sockets behind any descriptor.
    linker.func_wrap(MODULE, "proc_raise", |_signal: u32| Errno::Nosys as u32)?;
    linker.func_wrap(
        MODULE,
        "sock_accept",
        |caller: Caller<'_, Guest>, fd: u32, _flags: u32, _out: u32| {
            caller.data().wasi.no_socket(fd)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "sock_recv",
        |caller: Caller<'_, Guest>, fd: u32, _: u32, _: u32, _: u32, _: u32, _: u32| {
            caller.data().wasi.no_socket(fd)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "sock_send",
        |caller: Caller<'_, Guest>, fd: u32, _: u32, _: u32, _: u32, _: u32| {
            caller.data().wasi.no_socket(fd)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "sock_shutdown",
        |caller: Caller<'_, Guest>, fd: u32, _how: u32| caller.data().wasi.no_socket(fd),
    )?;
    Ok(())
}

impl super::Wasi {
    /// What a socket function answers: no descriptor is ever one.
    fn no_socket(&self, fd: u32) -> u32 {
        let open = self.descriptors.get(fd);
        open.map_or(Errno::Badf, |_| Errno::Notsock) as u32
    }
}
