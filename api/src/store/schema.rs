//! The tables, as the migrations make them.

mod alerts;
mod channels;

pub(super) use self::alerts::{
    alert_notice, alert_rule, alert_state, incident, incident_event, maintenance_window,
    server_boot,
};
pub(super) use self::channels::{
    account_mail, alert_bundle, alert_evaluation, channel, channel_link, confirmation_mail,
    delivery, delivery_message, heartbeat, organisation_mail, sender_lease,
};

diesel::table! {
    installation (only) {
        only -> BigInt,
        generation -> BigInt,
        probed_at -> BigInt,
    }
}

diesel::table! {
    organisation (id) {
        id -> BigInt,
        name -> Text,
        created_at -> BigInt,
        requires_second_factor -> Integer,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    person (id) {
        id -> BigInt,
        email -> Text,
        password_hash -> Text,
        created_at -> BigInt,
        name -> Text,
        used_organisation_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    member (organisation_id, person_id) {
        organisation_id -> BigInt,
        person_id -> BigInt,
        role -> Text,
        created_at -> BigInt,
        suspended_at -> Nullable<BigInt>,
        limited -> Bool,
    }
}

diesel::table! {
    invitation (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        token_hash -> Binary,
        email -> Text,
        role -> Text,
        invited_by -> Nullable<BigInt>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    reset_link (token_hash) {
        token_hash -> Binary,
        person_id -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    email_change (token_hash) {
        token_hash -> Binary,
        person_id -> BigInt,
        email -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    session (id_hash) {
        id_hash -> Binary,
        id -> BigInt,
        organisation_id -> BigInt,
        person_id -> BigInt,
        created_at -> BigInt,
        seen_at -> BigInt,
        address -> Text,
        user_agent -> Text,
        proved_at -> BigInt,
    }
}

diesel::table! {
    one_time_link (token_hash) {
        token_hash -> Binary,
        purpose -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    access_token (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        person_id -> BigInt,
        token_hash -> Binary,
        scope -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        name -> Text,
        used_at -> Nullable<BigInt>,
        used_from -> Text,
    }
}

diesel::table! {
    server (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        name -> Text,
        created_at -> BigInt,
        paused_at -> Nullable<BigInt>,
        host -> Text,
        deleted_at -> Nullable<BigInt>,
        description -> Text,
        host_at -> BigInt,
    }
}

diesel::table! {
    server_tag (server_id, tag, origin) {
        organisation_id -> BigInt,
        server_id -> BigInt,
        tag -> Text,
        origin -> Text,
    }
}

diesel::table! {
    server_group (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    group_server (group_id, server_id) {
        organisation_id -> BigInt,
        group_id -> BigInt,
        server_id -> BigInt,
    }
}

diesel::table! {
    member_group (organisation_id, person_id, group_id) {
        organisation_id -> BigInt,
        person_id -> BigInt,
        group_id -> BigInt,
    }
}

diesel::table! {
    // A view: which servers a limited member sees.
    shown_server (organisation_id, person_id, server_id) {
        organisation_id -> BigInt,
        person_id -> BigInt,
        server_id -> BigInt,
    }
}

diesel::table! {
    agent_key (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        server_id -> BigInt,
        key_hash -> Binary,
        ending -> Text,
        created_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        used_at -> Nullable<BigInt>,
        used_from -> Text,
        agent_version -> Text,
        ended_by -> Nullable<Text>,
        successor_id -> Nullable<BigInt>,
        unseen_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    enrolment (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        code_hash -> Binary,
        server_id -> Nullable<BigInt>,
        name -> Text,
        person_id -> Nullable<BigInt>,
        made_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        group_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    series (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        server_id -> BigInt,
        metric -> Text,
        label -> Text,
    }
}

diesel::table! {
    report (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        server_id -> BigInt,
        at -> BigInt,
        received_at -> BigInt,
        boot -> Nullable<BigInt>,
        seq -> Nullable<BigInt>,
        samples -> Binary,
    }
}

diesel::table! {
    first_log (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        server_id -> BigInt,
        at -> BigInt,
        received_at -> BigInt,
        boot -> Nullable<BigInt>,
        seq -> Nullable<BigInt>,
        samples -> Binary,
    }
}

diesel::table! {
    second_log (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        server_id -> BigInt,
        at -> BigInt,
        received_at -> BigInt,
        boot -> Nullable<BigInt>,
        seq -> Nullable<BigInt>,
        samples -> Binary,
    }
}

diesel::table! {
    fold_mark (server_id) {
        server_id -> BigInt,
        organisation_id -> BigInt,
        report_id -> BigInt,
    }
}

diesel::table! {
    segment (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        server_id -> BigInt,
        period -> BigInt,
        merged -> Bool,
        rolled -> Bool,
        made_at -> BigInt,
        reports -> BigInt,
        bytes -> BigInt,
        first_at -> BigInt,
        last_at -> BigInt,
        received_at -> BigInt,
        times -> Binary,
        starts -> Binary,
        moments -> Binary,
    }
}

diesel::table! {
    chunk (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        segment_id -> BigInt,
        series_id -> BigInt,
        samples -> Binary,
    }
}

diesel::table! {
    summary (segment_id) {
        segment_id -> BigInt,
        organisation_id -> BigInt,
        series -> Binary,
    }
}

diesel::table! {
    roll_up (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        series_id -> BigInt,
        seconds -> Integer,
        span -> BigInt,
        buckets -> Binary,
    }
}

diesel::table! {
    retention (organisation_id) {
        organisation_id -> BigInt,
        raw -> BigInt,
        minute -> BigInt,
        quarter_hour -> BigInt,
        hour -> BigInt,
    }
}

diesel::table! {
    device (token_hash) {
        token_hash -> Binary,
        person_id -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    sealed_key (name) {
        name -> Text,
        sealed -> Binary,
    }
}

diesel::table! {
    audit_chain (organisation_id) {
        organisation_id -> BigInt,
        count -> BigInt,
        head -> Binary,
        checkpoint_number -> BigInt,
        checkpoint_head -> Nullable<Binary>,
        checkpoint_seal -> Nullable<Binary>,
    }
}

diesel::table! {
    audit_event (organisation_id, number) {
        organisation_id -> BigInt,
        number -> BigInt,
        at -> BigInt,
        actor_kind -> Text,
        actor_name -> Text,
        person_id -> Nullable<BigInt>,
        action -> Text,
        object_kind -> Text,
        object_id -> Text,
        object_name -> Text,
        detail -> Text,
        address -> Text,
        user_agent -> Text,
        seal -> Binary,
    }
}

diesel::table! {
    audit_inbox (id) {
        id -> BigInt,
        organisation_id -> BigInt,
        at -> BigInt,
        action -> Text,
        object_kind -> Text,
        object_id -> Text,
        object_name -> Text,
        detail -> Text,
    }
}

diesel::table! {
    totp (id) {
        id -> BigInt,
        person_id -> BigInt,
        sealed_seed -> Binary,
        created_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
        used_at -> Nullable<BigInt>,
        last_step -> BigInt,
    }
}

diesel::table! {
    recovery_code (code_hash) {
        code_hash -> Binary,
        person_id -> BigInt,
    }
}

diesel::table! {
    passkey (id) {
        id -> BigInt,
        person_id -> BigInt,
        credential_id -> Binary,
        credential -> Text,
        name -> Text,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    login_step (token_hash) {
        token_hash -> Binary,
        person_id -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::joinable!(delivery -> channel (channel_id));
diesel::joinable!(delivery -> delivery_message (message_id));
diesel::joinable!(delivery -> organisation (organisation_id));
diesel::joinable!(channel_link -> channel (channel_id));
diesel::joinable!(channel_link -> organisation (organisation_id));
diesel::joinable!(heartbeat -> organisation (organisation_id));
diesel::joinable!(login_step -> person (person_id));
diesel::joinable!(member -> organisation (organisation_id));
diesel::joinable!(member -> person (person_id));
diesel::joinable!(invitation -> organisation (organisation_id));
diesel::joinable!(invitation -> person (invited_by));
diesel::joinable!(reset_link -> person (person_id));
diesel::joinable!(email_change -> person (person_id));
diesel::joinable!(access_token -> person (person_id));
diesel::joinable!(group_server -> server (server_id));
diesel::joinable!(group_server -> server_group (group_id));
diesel::joinable!(member_group -> server_group (group_id));
diesel::allow_tables_to_appear_in_same_query!(
    access_token,
    agent_key,
    alert_bundle,
    alert_notice,
    alert_rule,
    alert_state,
    channel,
    channel_link,
    chunk,
    delivery,
    delivery_message,
    fold_mark,
    group_server,
    heartbeat,
    incident,
    incident_event,
    login_step,
    maintenance_window,
    email_change,
    invitation,
    member,
    member_group,
    organisation,
    passkey,
    person,
    reset_link,
    report,
    retention,
    roll_up,
    segment,
    series,
    server,
    server_boot,
    server_group,
    server_tag,
    session,
    shown_server,
    totp
);
