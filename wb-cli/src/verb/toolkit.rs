//! Verbs on toolkits, one file each.

mod build;
mod build_inline;
mod built;
mod grant;
mod grants;
mod install;
mod list;
mod pack;
mod promote;
mod remove;
mod revoke;
mod rows;
mod run;
mod search;
mod show;
mod types;
mod verify;

pub(crate) use built::draw_faults;

use crate::args::ToolkitVerb;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) fn run(verb: &ToolkitVerb, env: &Env, ui: Ui) -> Result<Done, Failure> {
    match verb {
        ToolkitVerb::List => list::run(env),
        ToolkitVerb::Show { id, skill } => show::run(id, skill.as_deref(), env),
        ToolkitVerb::Search { query } => search::run(query, env, ui),
        ToolkitVerb::Verify(args) => verify::run(args, env, ui),
        ToolkitVerb::Build(args) => build::run(args, env, ui),
        ToolkitVerb::Types(args) => types::run(args, env),
        ToolkitVerb::BuildInline(args) => build_inline::run(args, env, ui),
        ToolkitVerb::Promote(args) => promote::run(args, env),
        ToolkitVerb::Pack { id, output } => pack::run(id, output.as_deref(), env, ui),
        ToolkitVerb::Install(args) => install::run(args, env),
        ToolkitVerb::Remove(args) => remove::run(args, env),
        ToolkitVerb::Grant(args) => grant::run(args, env),
        ToolkitVerb::Revoke { id, caps } => revoke::run(id, caps, env),
        ToolkitVerb::Grants => grants::run(env),
        ToolkitVerb::Rows(args) => rows::run(args, env),
        ToolkitVerb::Run(args) => run::run(args, env, ui),
    }
}
