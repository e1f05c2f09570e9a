use bytes::Bytes;
use wasmtime::{Caller, Linker};

use super::Status;
use super::args::{self, Wrong};
use super::nested::{Child, lending_fuel};
use crate::guest::Guest;
use crate::limits::Stop;
use crate::wasi::GuestMemory;

/// Where `run` finds what it is told.
struct Request {
    name: (u32, u32),
    args: (u32, u32),
    stdin: (u32, u32),
}

impl Request {
    fn read(&self, memory: &GuestMemory<'_>) -> Result<(String, Vec<String>, Bytes), Wrong> {
        let name = args::text(memory, self.name.0, self.name.1)?;
        let arguments = args::strings(args::bytes(memory, self.args.0, self.args.1)?)?;
        let stdin = args::bytes(memory, self.stdin.0, self.stdin.1)?;
        Ok((name, arguments, Bytes::copy_from_slice(stdin)))
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "wb:commands",
        "run",
        |mut caller: Caller<'_, Guest>,
         name_ptr: u32,
         name_len: u32,
         args_ptr: u32,
         args_len: u32,
         stdin_ptr: u32,
         stdin_len: u32| {
            let request = Request {
                name: (name_ptr, name_len),
                args: (args_ptr, args_len),
                stdin: (stdin_ptr, stdin_len),
            };
            lending_fuel(&mut caller, |caller| {
                let (memory, guest) = Guest::split(caller)?;
                Ok(run(guest, &memory, &request)?)
            })
        },
    )?;
    Ok(())
}

fn run(guest: &mut Guest, memory: &GuestMemory<'_>, request: &Request) -> Result<i32, Stop> {
    args::begin(guest)?;
    let (name, arguments, stdin) = match request.read(memory) {
        Ok(read) => read,
        Err(wrong) => return Ok(guest.reply.fail(Status::BadRequest, wrong)),
    };
    let child = match Child::find(guest, &name) {
        Ok(child) => child,
        Err(failed) => return Ok(guest.reply.fail(failed.status, failed.message)),
    };
    let ran = child.run(&guest.account(), arguments, stdin)?;
    guest.reply.set_output(ran.stdout, ran.stderr);
    Ok(match ran.result {
        // A code below zero would read as an error of the call.
        Ok(code) => code & 0xff,
        Err(failed) => guest.reply.fail(failed.status, failed.message),
    })
}
