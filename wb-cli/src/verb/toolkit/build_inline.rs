use std::borrow::Cow;

use bytes::Bytes;
use wb_host::{Inline, InlineShape};
use wb_manifest::ArgMode;
use wb_policy::Shape;

use super::built;
use super::grant::caps;
use crate::args::{BuildInline, BuiltShape};
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::input;
use crate::ui::Ui;

/// `wbx toolkit build-inline NAME LANG FILE`
pub(crate) fn run(args: &BuildInline, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let source = &args.source;
    let file = match source.file.to_string_lossy() {
        file if file == "-" => "<stdin>".into(),
        file => file,
    };
    let wit = match &args.wit {
        Some(wit) => Some((wit.to_string_lossy(), input::read(wit, env)?)),
        None => None,
    };
    let inline = Inline {
        name: &source.name,
        lang: &source.lang,
        file: &file,
        source: input::existing(&source.file, env)?,
        arg_mode: args.arg_mode.parse().unwrap_or(ArgMode::Argv),
        caps: caps(std::slice::from_ref(&args.caps))?,
        shape: shape(args, wit.as_ref())?,
    };
    let options = wb_host::BuildOptions {
        replace: args.replace,
        ..built::options(args.options, env)
    };
    let nexus = env.nexus();
    if args.options.plan {
        let plan = nexus.plan_inline(&inline, options);
        return Ok(built::plan(&plan.map_err(|e| built::failure(e, None))?));
    }
    let made = nexus.build_inline(&inline, options);
    let made = made.map_err(|error| built::failure(error, None))?;
    built::warn(&made, None, env, ui);
    let name = &made.binding.name;
    let next = match made.binding.shape {
        Shape::Component => format!("call it: wbx call {name} (lists its functions)"),
        Shape::Kernel => format!("run it: wbx run {name} < FRAME"),
        _ => format!("run it via the Dock: run-command {name}"),
    };
    let text = format!("{}\n{next}", built::line(&made));
    Ok(Done::new(text, built::json(&made)))
}

/// What is to be made, if the options for it are not those for something else.
fn shape<'a>(
    args: &'a BuildInline,
    wit: Option<&'a (Cow<'_, str>, Bytes)>,
) -> Result<InlineShape<'a>, Failure> {
    let of_others = match args.shape {
        BuiltShape::Component => None,
        _ if wit.is_some() => Some("--wit"),
        _ if args.world.is_some() => Some("--world"),
        BuiltShape::Command if args.entry.is_some() => Some("--entry"),
        _ => None,
    };
    if let Some(option) = of_others {
        let message = format!("`{option}` needs `--shape component`");
        return Err(Failure::usage(message));
    }
    Ok(match args.shape {
        BuiltShape::Command => InlineShape::Command,
        BuiltShape::Component => InlineShape::Component {
            wit: wit.map(|(file, text)| (&**file, text.clone())),
            world: args.world.as_deref(),
            entry: args.entry.as_deref(),
        },
        BuiltShape::Kernel => InlineShape::Kernel {
            entry: args.entry.as_deref(),
        },
    })
}
