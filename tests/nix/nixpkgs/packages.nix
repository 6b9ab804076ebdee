# Packages, made with what is installed on this machine. The programs are those that cargo built, where
# STAND_IN_PROGRAMS says.
{ lib, system }:
let
  programs = builtins.getEnv "STAND_IN_PROGRAMS";

  make = name: makeWith name { };
  makeWith =
    name: environment: script:
    derivation (
      environment
      // {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-euc"
          "export PATH=/usr/bin:/bin\n${script}"
        ];
      }
    );

  base = final: {
    inherit lib;
    stdenv = {
      hostPlatform = { inherit system; };
      buildPlatform.canExecute = _: true;
    };
    buildPackages = final;

    callPackage =
      path: given:
      let
        package = import path;
        wanted = builtins.functionArgs package;
      in
      package (builtins.intersectAttrs wanted final // given);

    rustPlatform.buildRustPackage =
      {
        pname,
        version,
        src,
        cargoLock,
        cargoBuildFlags,
        cargoTestFlags,
        buildType,
        checkType,
        meta,
      }:
      assert builtins.pathExists src && builtins.pathExists cargoLock.lockFile;
      assert
        lib.elem buildType [
          "agent"
          "release"
        ]
        && checkType == "debug";
      assert lib.elem pname cargoBuildFlags && lib.elem pname cargoTestFlags;
      make "${pname}-${version}" "mkdir -p $out/bin; cp ${programs}/${pname} $out/bin/"
      // {
        inherit meta pname version;
      };

    runCommand =
      name: environment: script:
      assert environment == { };
      make name script;
    writeShellScriptBin =
      name: text:
      makeWith name { inherit text; } ''
        mkdir -p $out/bin
        printf '#!/bin/sh\n%s' "$text" >$out/bin/${name}
        chmod +x $out/bin/${name}
      '';
    symlinkJoin =
      {
        name,
        paths,
        meta,
      }:
      make name (
        "mkdir -p $out/bin\n"
        + lib.concatStringsSep "\n" (map (path: "ln -s ${path}/bin/* $out/bin/") paths)
      )
      // {
        inherit meta;
      };
    mkShell = { inputsFrom, packages }: make "shell" "echo ${toString (inputsFrom ++ packages)} >$out";
    dockerTools.buildLayeredImage =
      {
        name,
        tag,
        contents,
        fakeRootCommands,
        config,
      }:
      makeWith "${name}.tar.gz" {
        inherit contents fakeRootCommands tag;
        config = builtins.toJSON config;
      } "echo $contents $tag $fakeRootCommands $config >$out";
    formats.toml = _: {
      type = lib.types.settings;
      generate = name: value: builtins.toFile name (toml "" value);
    };
    testers.runNixOSTest =
      test:
      let
        content = test {
          inherit lib;
          pkgs = final;
        };
        machine =
          _: module:
          (lib.nixosSystem {
            modules = [
              module
              { system.stateVersion = lib.trivial.release; }
            ];
          }).config.systemd.units;
      in
      makeWith "test-${content.name}" {
        inherit (content) testScript;
        units = builtins.toJSON (lib.mapAttrs machine content.nodes);
      } "echo $units $testScript >$out";

    bash = "/bin";
    cacert = make "cacert" "mkdir -p $out";
    coreutils = "/usr";
    util-linux = "/usr";
    chromedriver = "/usr";
    chromium = "/usr";
    clippy = "/usr";
    curl = make "curl" "mkdir $out";
    jq = make "jq" "mkdir $out";
    nixfmt = make "nixfmt" "mkdir $out";
    nssTools = "/usr";
    rust-analyzer = "/usr";
    rustfmt = "/usr";
  };

  # Scalars before tables, as TOML wants it.
  toml =
    prefix: set:
    let
      isTable = name: builtins.isAttrs set.${name};
      names = lib.attrNames set;
      line = name: "${name} = ${builtins.toJSON set.${name}}\n";
      table = name: "[${prefix}${name}]\n" + toml "${prefix}${name}." set.${name};
    in
    lib.concatStringsSep "" (
      map line (lib.filter (name: !isTable name) names) ++ map table (lib.filter isTable names)
    );

  fix =
    overlays:
    let
      final = lib.foldl' (so-far: overlay: so-far // overlay final so-far) (base final) overlays;
    in
    final // { extend = overlay: fix (overlays ++ [ overlay ]); };
in
fix [ ]
