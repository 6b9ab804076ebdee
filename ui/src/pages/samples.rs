//! View models with everything in them, for tests: every text is the one that is given.

mod people;

pub(super) use self::people::{
    confirm_email, forgot_password, invitation, invitation_join, organisation, organisations,
    people, profile, reset_password,
};
use crate::views::{
    AccountView, AuditFilter, AuditRow, AuditView, ConfirmView, DataView, FactorRow,
    FirstOwnerView, Frame, LoginView, MessageView, NewServerView, RecoveryCodesView,
    RequirementView, SecondFactorView, SecondStepView, Section, ServerAddedView, ServerRow,
    ServerView, ServersView, SessionRow, Settings, Status, TotpSetupView, ValueRow,
};

pub(super) fn login(text: &str) -> LoginView {
    LoginView {
        email: text.to_owned(),
        passkeys: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn first_owner(text: &str) -> FirstOwnerView {
    FirstOwnerView {
        email: text.to_owned(),
        organisation: text.to_owned(),
        password_min: 12,
        error: Some(text.to_owned()),
    }
}

pub(super) fn account(text: &str) -> AccountView {
    let session = |current| SessionRow {
        id: text.to_owned(),
        since: text.to_owned(),
        since_seconds_ago: 93_000,
        last_used: text.to_owned(),
        last_used_seconds_ago: 60,
        address: text.to_owned(),
        user_agent: text.to_owned(),
        current,
    };
    AccountView {
        frame: frame(text),
        role: text.to_owned(),
        sessions: vec![session(true), session(false)],
        has_factor: true,
        password_min: 12,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn confirm(text: &str) -> ConfirmView {
    ConfirmView {
        frame: frame(text),
        next: text.to_owned(),
        totp: true,
        passkeys: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn second_factor(text: &str) -> SecondFactorView {
    let factor = |used: Option<&str>| FactorRow {
        id: text.to_owned(),
        name: text.to_owned(),
        since: text.to_owned(),
        since_seconds_ago: 93_000,
        used: used.map(ToOwned::to_owned),
        used_seconds_ago: 60,
    };
    SecondFactorView {
        frame: frame(text),
        totp: Some(factor(Some(text))),
        passkeys: vec![factor(Some(text)), factor(None)],
        passkeys_work: true,
        recovery_codes_left: 10,
        required_by: Some(text.to_owned()),
        locked: false,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn totp_setup(text: &str) -> TotpSetupView {
    TotpSetupView {
        frame: frame(text),
        seed: text.to_owned(),
        error: Some(text.to_owned()),
    }
}

pub(super) fn recovery_codes(text: &str) -> RecoveryCodesView {
    RecoveryCodesView {
        frame: frame(text),
        codes: vec![text.to_owned(); 10],
    }
}

pub(super) fn requirement(text: &str) -> RequirementView {
    RequirementView {
        frame: frame(text),
        settings: Settings::at(Section::SecondFactor),
        required: false,
        members: 3,
        without: 1,
        may_change: true,
        notice: Some(text.to_owned()),
        error: Some(text.to_owned()),
    }
}

pub(super) fn second_step(text: &str) -> SecondStepView {
    SecondStepView {
        email: text.to_owned(),
        totp: true,
        passkeys: true,
        recovery_codes: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn audit(text: &str) -> AuditView {
    let text = || text.to_owned();
    AuditView {
        frame: frame(&text()),
        settings: Settings::at(Section::Audit),
        events: vec![AuditRow {
            number: text(),
            at: text(),
            when: text(),
            actor: text(),
            action: text(),
            object: text(),
            detail: text(),
            origin: text(),
        }],
        filter: AuditFilter {
            action: text(),
            from: text(),
            to: text(),
        },
        everybody: true,
        next_before: Some(text()),
        error: Some(text()),
    }
}

pub(super) fn data(text: &str) -> DataView {
    DataView {
        frame: frame(text),
        settings: Settings::at(Section::Data),
        may_own: true,
        error: Some(text.to_owned()),
    }
}

pub(super) fn servers(text: &str) -> ServersView {
    ServersView {
        frame: frame(text),
        servers: Status::ALL.map(|status| row(text, status)).to_vec(),
        next_after: Some(text.to_owned()),
        may_add: true,
    }
}

pub(super) fn server(text: &str, status: Status) -> ServerView {
    let value = |label: Option<&str>| ValueRow {
        metric: text.to_owned(),
        meaning: text.to_owned(),
        label: label.map(ToOwned::to_owned),
        value: 1.5,
        unit: text.to_owned(),
    };
    ServerView {
        frame: frame(text),
        server: row(text, status),
        facts: vec![(text.to_owned(), text.to_owned())],
        values: vec![value(Some(text)), value(None)],
        dropped_series: 3,
        may_change: true,
    }
}

pub(super) fn new_server(text: &str) -> NewServerView {
    NewServerView {
        frame: frame(text),
        name: text.to_owned(),
        error: Some(text.to_owned()),
    }
}

pub(super) fn server_added(text: &str) -> ServerAddedView {
    ServerAddedView {
        frame: frame(text),
        id: text.to_owned(),
        name: text.to_owned(),
        agent_key: text.to_owned(),
        url: text.to_owned(),
        ca_pem: Some(text.to_owned()),
        ca_sha256: Some(text.to_owned()),
    }
}

pub(super) fn message(text: &str) -> MessageView {
    MessageView {
        status: 404,
        title: text.to_owned(),
        detail: text.to_owned(),
    }
}

fn frame(text: &str) -> Frame {
    Frame {
        organisation: text.to_owned(),
        person: text.to_owned(),
        csrf_token: text.to_owned(),
    }
}

fn row(text: &str, status: Status) -> ServerRow {
    ServerRow {
        id: text.to_owned(),
        name: text.to_owned(),
        status,
        last_seen: Some(text.to_owned()),
        last_seen_seconds_ago: Some(4),
        cpu_usage: Some(45.2),
        memory_usage: Some(84.0),
        disk_usage: Some(97.0),
        load1: Some(1.0),
    }
}
