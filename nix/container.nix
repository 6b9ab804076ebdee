# The dashboard's image: as the Containerfile's, but made of the package.
{
  dockerTools,
  runCommand,
  cacert,
  server-scout,
}:
let
  user = 65532;
  dataDir = "var/lib/server-scout";
in
dockerTools.buildLayeredImage {
  name = "server-scout";
  tag = server-scout.version;
  contents = [
    cacert
    (runCommand "server-scout-users" { } ''
      mkdir -p $out/etc
      echo 'server-scout:x:${toString user}:${toString user}::/${dataDir}:/bin/false' >$out/etc/passwd
      echo 'server-scout:x:${toString user}:' >$out/etc/group
    '')
  ];
  fakeRootCommands = ''
    # With what may be hidden from whoever needs no key.
    mkdir -p ${dataDir}/keys tmp
    chmod 0700 ${dataDir} ${dataDir}/keys
    chmod 1777 tmp
    chown ${toString user}:${toString user} ${dataDir} ${dataDir}/keys
  '';
  config = {
    Entrypoint = [ "${server-scout}/bin/server-scout" ];
    Cmd = [ "serve" ];
    User = "${toString user}:${toString user}";
    Env = [
      "MALLOC_ARENA_MAX=2"
      "SERVERSCOUT_DATA_DIR=/${dataDir}"
      "SERVERSCOUT_LISTEN=0.0.0.0:8443"
    ];
    ExposedPorts."8443/tcp" = { };
    Volumes."/${dataDir}" = { };
    Healthcheck = {
      Test = [
        "CMD"
        "${server-scout}/bin/server-scout"
        "healthcheck"
      ];
      # Nanoseconds.
      Interval = 30 * 1000000000;
      Timeout = 6 * 1000000000;
      StartPeriod = 20 * 1000000000;
      Retries = 3;
    };
    Labels = {
      "org.opencontainers.image.title" = "Server Scout";
      "org.opencontainers.image.description" = server-scout.meta.description;
      "org.opencontainers.image.licenses" = "Apache-2.0";
      "org.opencontainers.image.version" = server-scout.version;
    };
  };
}
