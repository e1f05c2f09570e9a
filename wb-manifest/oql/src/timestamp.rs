use orgize::Org;
use orgize::ast::{self, Planning, RepeaterType, TimeUnit};

use crate::{Document, Headline};

/// A date, maybe with a time and a repeater.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Timestamp {
    /// `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM`.
    pub at: String,
    /// Such as `+1d`.
    pub repeat: Option<String>,
    /// Whether it is in `<…>` and not in `[…]`.
    pub active: bool,
}

/// What the planning line of a headline says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// `SCHEDULED:`
    pub scheduled: Option<Timestamp>,
    /// `DEADLINE:`
    pub deadline: Option<Timestamp>,
}

/// Longest planning line that is read: three timestamps with ranges are less.
const MAX_LINE: usize = 512;

impl Headline {
    /// Reads its planning line.
    pub fn plan(&self, doc: &Document<'_>) -> Plan {
        let line = self.planning.filter(|line| line.len() <= MAX_LINE);
        let Some(line) = line else {
            return Plan::default();
        };
        // Planning only is planning right below a headline.
        let org = Org::parse(format!("* \n{}\n", doc.str(line)));
        let Some(planning) = org.first_node::<Planning>() else {
            return Plan::default();
        };
        Plan {
            scheduled: planning
                .scheduled()
                .and_then(|found| Timestamp::read(&found)),
            deadline: planning
                .deadline()
                .and_then(|found| Timestamp::read(&found)),
        }
    }
}

impl Timestamp {
    fn read(found: &ast::Timestamp) -> Option<Self> {
        let (year, month, day) = (
            found.year_start()?,
            found.month_start()?,
            found.day_start()?,
        );
        let date = format!("{}-{}-{}", &*year, &*month, &*day);
        let at = match (found.hour_start(), found.minute_start()) {
            (Some(hour), Some(minute)) => format!("{date}T{:0>2}:{}", &*hour, &*minute),
            _ => date,
        };
        let repeat = || {
            let mark = match found.repeater_type()? {
                RepeaterType::Cumulate => "+",
                RepeaterType::CatchUp => "++",
                RepeaterType::Restart => ".+",
            };
            let unit = match found.repeater_unit()? {
                TimeUnit::Hour => 'h',
                TimeUnit::Day => 'd',
                TimeUnit::Week => 'w',
                TimeUnit::Month => 'm',
                TimeUnit::Year => 'y',
            };
            Some(format!("{mark}{}{unit}", found.repeater_value()?))
        };
        Some(Self {
            at,
            repeat: repeat(),
            active: found.is_active(),
        })
    }
}
