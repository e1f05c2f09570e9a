//! Which import is linked under which profile: every name in the table of `wb-policy`,
//! under each built-in profile.

use wb_dock::{Grant, Invocation};
use wb_policy::{
    CapSet, DenialReason, Profiles, Requirement, component_imports, core_import, core_imports,
};

use super::{assemble, under};
use crate::case::{Case, Finding, Verdict, holds, in_words, refused, same};
use crate::host::{Ended, Host, Refusal};
use crate::stand_in::everything;

/// Parameters and results of every core import: `i` for an `i32`, `l` for an `i64`, and
/// after the colon the results.
const CORE: &str = "
    args_get ii:i args_sizes_get ii:i clock_res_get ii:i clock_time_get ili:i environ_get ii:i
    environ_sizes_get ii:i fd_advise illi:i fd_allocate ill:i fd_close i:i fd_datasync i:i
    fd_fdstat_get ii:i fd_fdstat_set_flags ii:i fd_fdstat_set_rights ill:i fd_filestat_get ii:i
    fd_filestat_set_size il:i fd_filestat_set_times illi:i fd_pread iiili:i
    fd_prestat_dir_name iii:i fd_prestat_get ii:i fd_pwrite iiili:i fd_read iiii:i
    fd_readdir iiili:i fd_renumber ii:i fd_seek ilii:i fd_sync i:i fd_tell ii:i fd_write iiii:i
    path_create_directory iii:i path_filestat_get iiiii:i path_filestat_set_times iiiilli:i
    path_link iiiiiii:i path_open iiiiillii:i path_readlink iiiiii:i path_remove_directory iii:i
    path_rename iiiiii:i path_symlink iiiii:i path_unlink_file iii:i poll_oneoff iiii:i
    proc_exit i: proc_raise i:i random_get ii:i sched_yield :i sock_accept iii:i
    sock_recv iiiiii:i sock_send iiiii:i sock_shutdown ii:i
    wb:reply.len i:i wb:reply.read iiii:i wb:session.info :i
    wb:commands.run iiiiii:i wb:exec.run iiiiiiii:i wb:parallel.run_many iiii:i
    wb:vfs.query iiiiii:i wb:vfs.read ii:i wb:vfs.write iiii:i wb:vfs.remove ii:i wb:vfs.list ii:i
    wb:kv.get ii:i wb:kv.put iiii:i wb:kv.delete ii:i wb:kv.list ii:i
    wb:queue.publish iiii:i wb:queue.poll ii:i
    wb:secrets.present ii:i wb:secrets.sign iiii:i wb:secrets.hmac iiii:i
    wb:tcp.connect iii:i wb:tcp.send iii:i wb:tcp.receive ii:i wb:tcp.close i:i
    wb:tls.connect iii:i wb:tls.send iii:i wb:tls.receive ii:i wb:tls.close i:i
    wb:udp.connect iii:i wb:udp.send iii:i wb:udp.receive i:i wb:udp.close i:i
    wb:net.request iiii:i wb:browse.fetch ii:i
    wb:llm.complete ii:i wb:llm.open ii:i wb:llm.next i:i wb:llm.close i:i
    wb:frames.input :i wb:frames.input_len :i wb:frames.output i:i";

/// The types of the functions of the engine world.
const WORLD: [(&str, &str); 6] = [
    ("session-info", "(result string)"),
    ("vfs-query", r#"(param "sql" string) (result string)"#),
    (
        "run-command",
        r#"(param "command" string) (param "input" string) (param "args" (list string)) (result string)"#,
    ),
    ("llm-complete", r#"(param "prompt" string) (result string)"#),
    ("browse-fetch", r#"(param "url" string) (result string)"#),
    (
        "run-command-many",
        r#"(param "command" string) (param "inputs" string) (result string)"#,
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (module, name, requirement) in core_imports() {
        let import = format!("{module}.{name}");
        let about = format!("a module that imports `{import}` runs exactly where it is granted");
        cases.push(Case::new("caps", &import, about, move |host| {
            let wasm = core_guest(module, name)?;
            on_each_profile(&format!("{module}.{name}"), requirement, |grant| {
                host.run(&wasm, grant, &everything(), Invocation::new("guest"))
            })
        }));
    }
    for (import, requirement) in component_imports() {
        let about = format!("a component that imports `{import}` is let in where it is granted");
        cases.push(Case::new("caps", import.clone(), about, move |host| {
            component(host, &import, requirement)
        }));
    }
    let more = [
        Case::new(
            "caps",
            "unknown-import",
            "an import that is in no table is refused, whatever is granted",
            unknown,
        ),
        Case::new(
            "caps",
            "all-refusals-at-once",
            "a module is told of every import that it lacks, not of the first one",
            all_at_once,
        ),
        Case::new(
            "caps",
            "nothing-behind-a-grant",
            "a granted import with no service behind it is refused before the guest runs",
            nothing_behind,
        ),
        Case::new(
            "caps",
            "wasi-http",
            "`wasi:http` needs `net` or `browse`, though the rest of WASI needs nothing",
            |host| {
                let import = "wasi:http/outgoing-handler@0.2.3";
                component(host, import, wb_policy::component_import(import))
            },
        ),
    ];
    cases.extend(more);
    cases
}

/// A module that imports one function and does not call it.
fn core_guest(module: &str, name: &str) -> Result<Vec<u8>, Finding> {
    let wanted = match module {
        "wasi_snapshot_preview1" => name.to_owned(),
        _ => format!("{module}.{name}"),
    };
    let mut words = CORE.split_whitespace();
    let mut found = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
    let types = found.find(|(import, _)| *import == wanted);
    let Some((params, results)) = types.and_then(|(_, types)| types.split_once(':')) else {
        let found = format!("no type of `{wanted}` in this suite");
        return Err(Finding::failed("a type for every import", found));
    };
    let types = |letters: &str| letters.replace('i', "i32 ").replace('l', "i64 ");
    Ok(assemble(&format!(
        r#"(module
             (import "{module}" "{name}" (func (param {}) (result {})))
             (memory (export "memory") 1)
             (func (export "_start")))"#,
        types(params),
        types(results)
    )))
}

fn on_each_profile(
    import: &str,
    requirement: Requirement,
    run: impl Fn(&Grant) -> Result<Ended, Refusal>,
) -> Verdict {
    for profile in Profiles::BUILT_IN {
        let grant = under(profile);
        let run = run(&grant);
        if requirement.is_met_by(grant.caps()) {
            if run.is_err() {
                let expected = format!("to be let in under `{profile}`");
                return Err(Finding::failed(expected, in_words(&run)));
            }
            continue;
        }
        names_what_is_lacking(&refused(run, &["dock/not-granted"])?, import, requirement)?;
    }
    Ok(())
}

/// That a refusal names the import, its capabilities and the smallest profile.
fn names_what_is_lacking(refusal: &Refusal, import: &str, requirement: Requirement) -> Verdict {
    let [denial] = &*refusal.denied else {
        let seen = format!("{} refused imports", refusal.denied.len());
        return Err(Finding::failed("one refused import", seen));
    };
    same("the import that is refused", import, &denial.import)?;
    let DenialReason::NotGranted { caps, smallest, .. } = &denial.reason else {
        return Err(Finding::failed("a capability", denial.to_string()));
    };
    same("the capabilities named", requirement.caps(), caps)?;
    let profiles = Profiles::built_in();
    let would_do = requirement.caps().iter();
    let would_do = would_do.filter_map(|cap| profiles.smallest_granting(CapSet::of(*cap)));
    let would_do = would_do.min_by_key(|profile| profile.caps().iter().count());
    same(
        "the smallest profile named",
        would_do.map(|profile| profile.name().to_owned()),
        smallest.clone(),
    )
}

fn component(host: &dyn Host, import: &str, requirement: Requirement) -> Verdict {
    let world = WORLD.iter().find(|(name, _)| *name == import);
    let ty = world.map_or("(instance)".to_owned(), |(_, ty)| format!("(func {ty})"));
    let wasm = assemble(&format!(r#"(component (import "{import}" {ty}))"#));
    let none = Finding::skipped("this host takes no components");
    for profile in Profiles::BUILT_IN {
        let grant = under(profile);
        let admitted = host.admit_component(&wasm, &grant, &everything());
        let admitted = admitted.ok_or_else(|| none.clone())?;
        if requirement.is_met_by(grant.caps()) {
            if let Err(refusal) = admitted {
                let expected = format!("to be let in under `{profile}`");
                return Err(Finding::failed(expected, refusal.to_string()));
            }
            continue;
        }
        let Err(refusal) = admitted else {
            let expected = format!("to be refused under `{profile}`");
            return Err(Finding::failed(expected, "to be let in"));
        };
        same("the code", "dock/not-granted", &*refusal.code)?;
        names_what_is_lacking(&refusal, import, requirement)?;
    }
    Ok(())
}

fn unknown(host: &dyn Host) -> Verdict {
    for (module, name) in [
        ("env", "system"),
        ("wasi_snapshot_preview1", "path_exec"),
        ("wasi_unstable", "fd_write"),
        ("wb:kv", "drop"),
        ("wb:posix", "spawn"),
        ("WB:kv", "get"),
        ("", ""),
    ] {
        same(
            "what the table has",
            Requirement::Unknown,
            core_import(module, name),
        )?;
        let wasm = assemble(&format!(
            r#"(module (import "{module}" "{name}" (func))
                 (memory (export "memory") 1) (func (export "_start")))"#
        ));
        let guest = Invocation::new("guest");
        let run = host.run(&wasm, &under("posix"), &everything(), guest);
        refused(run, &["dock/unknown-import"])?;
    }
    Ok(())
}

fn all_at_once(host: &dyn Host) -> Verdict {
    let wasm = assemble(
        r#"(module
             (import "wb:kv" "get" (func (param i32 i32) (result i32)))
             (import "wb:net" "request" (func (param i32 i32 i32 i32) (result i32)))
             (import "env" "system" (func))
             (memory (export "memory") 1) (func (export "_start")))"#,
    );
    let guest = Invocation::new("guest");
    let run = host.run(&wasm, &Grant::none(), &everything(), guest);
    let refusal = refused(run, &["dock/not-granted"])?;
    let named: Vec<&str> = refusal.denied.iter().map(|d| &*d.import).collect();
    same(
        "the imports named",
        vec!["wb:kv.get", "wb:net.request", "env.system"],
        named,
    )?;
    let both = refusal.message.contains("`minimal`") && refusal.message.contains("`network`");
    holds(
        both,
        "a message that names a profile for each",
        &refusal.message,
    )
}

fn nothing_behind(host: &dyn Host) -> Verdict {
    let wasm = core_guest("wb:kv", "get")?;
    let run = host.run(
        &wasm,
        &under("minimal"),
        &wb_dock::Services::default(),
        Invocation::new("guest"),
    );
    refused(run, &["dock/not-provided"]).map(drop)
}
