/**
 * The systemd unit of a node.
 *
 * @module
 */

/** The settings of the unit. */
export interface UnitParts {
	/** The command line of the program. */
	readonly command: readonly string[];
	readonly configFolder: string;
	/** Seconds that running methods have at a stop. */
	readonly stopTimeout: number;
}

/**
 * The unit as text. systemd creates the folders, and stops the node with SIGTERM; unfinished work
 * stays in the journal.
 */
export function systemdUnit({ command, configFolder, stopTimeout }: UnitParts): string {
	const start = [...command, 'run'].map(quoted).join(' ');
	return `# /etc/systemd/system/reeve.service, made by: reeve install systemd --print
[Unit]
Description=reeve node
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${start}
Environment=CONFIG_FOLDER=${quoted(configFolder)}
# Relative folders of the configuration are below this one.
WorkingDirectory=/var/lib/reeve
StateDirectory=reeve
StateDirectoryMode=0700
RuntimeDirectory=reeve
Restart=always
RestartSec=2
# More than the ${stopTimeout} seconds of stopTimeout, after which running methods are killed.
TimeoutStopSec=${stopTimeout + 15}
KillMode=mixed
# Messages run commands of the operator's choice: remove the permissions that yours do not need.
NoNewPrivileges=no
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictRealtime=yes
LockPersonality=yes
UMask=0077

[Install]
WantedBy=multi-user.target
`;
}

/** A word quoted for systemd, which gives percent signs and quotes a meaning. */
function quoted(word: string): string {
	const escaped = word.replaceAll('%', '%%');
	return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/(["\\])/g, '\\$1')}"`;
}
