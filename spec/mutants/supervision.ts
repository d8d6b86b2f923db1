/**
 * Mistakes planted in supervision: restarts, strategies, links, monitors, names.
 *
 * @module
 */
import type { Mutant } from './mutant.ts';

/** Planted mistakes in supervision. */
export const supervision: readonly Mutant[] = [
	{
		id: 'restart-at-the-end-of-its-period-does-not-count',
		file: 'supervisors/otp/restart.ts',
		from: 'restarts.filter((at) => at >= now - period)',
		to: 'restarts.filter((at) => at > now - period)',
		specs: ['spec/supervisors/otp/restart.test.ts'],
	},
	{
		id: 'one-restart-too-many-is-allowed',
		file: 'supervisors/otp/restart.ts',
		from: 'allowed: counting.length <= intensity',
		to: 'allowed: counting.length <= intensity + 1',
		specs: ['spec/supervisors/otp/restart.test.ts'],
	},
	{
		id: 'restarts-count-for-ever',
		file: 'supervisors/otp/restart.ts',
		from: 'restarts.filter((at) => at >= now - period)',
		to: 'restarts.filter((at) => at >= now - period * 1000)',
		specs: ['spec/supervisors/otp/restart.test.ts'],
	},
	{
		id: 'pause-before-a-restart-has-no-end',
		file: 'supervisors/otp/restart.ts',
		from: 'Math.min(maxMs, minMs * factor ** Math.min(failures, 60))',
		to: 'minMs * factor ** Math.min(failures, 60)',
		specs: ['spec/supervisors/otp/restart.test.ts'],
	},
	{
		id: 'jitter-makes-a-pause-longer',
		file: 'supervisors/otp/restart.ts',
		from: 'return full * (1 - jitter * chance);',
		to: 'return full * (1 + jitter * chance);',
		specs: ['spec/supervisors/otp/restart.test.ts'],
	},
	{
		id: 'transient-child-restarts-after-a-normal-end',
		file: 'supervisors/otp/rules.ts',
		from: "(restart === 'transient' && isFailure)",
		to: "restart === 'transient'",
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'temporary-child-restarts',
		file: 'supervisors/otp/rules.ts',
		from: "return restart === 'permanent' || (restart",
		to: "return restart !== 'transient' || (restart",
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'rest-for-one-restarts-what-was-before',
		file: 'supervisors/otp/rules.ts',
		from: 'all : all.slice(all.indexOf(member));',
		to: 'all : all.slice(0, all.indexOf(member) + 1);',
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'rest-for-one-leaves-out-what-follows',
		file: 'supervisors/otp/rules.ts',
		from: 'all : all.slice(all.indexOf(member));',
		to: 'all : all.slice(all.indexOf(member), all.indexOf(member) + 1);',
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'siblings-are-stopped-in-start-order',
		file: 'supervisors/otp/rules.ts',
		from: 'for (const other of group.toReversed()) if',
		to: 'for (const other of group) if',
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'children-are-stopped-in-start-order',
		file: 'supervisors/otp/rules.ts',
		from: 'of [...state.byId.values()].toReversed()) yield* end',
		to: 'of [...state.byId.values()]) yield* end',
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'failed-restart-does-not-count',
		file: 'supervisors/otp/rules.ts',
		from: `if (state.spec.backoff) return yield* restart(state, member, now);
	return yield* restartOrGiveUp(state, member, now);`,
		to: 'return yield* restart(state, member, now);',
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'failures-of-a-child-are-never-forgotten',
		file: 'supervisors/otp/rules.ts',
		from: 'if (now - member.startedAtMs > (state.spec.backoff?.maxMs ?? 0)) member.failures = 0;',
		to: '',
		specs: ['spec/supervisors/otp/restart.test.ts'],
	},
	{
		id: 'any-child-ends-its-supervisor',
		file: 'supervisors/otp/rules.ts',
		from: "if (autoShutdown === 'never' || !spec.significant) return undefined;",
		to: "if (autoShutdown === 'never') return undefined;",
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'first-significant-child-counts-as-the-last',
		file: 'supervisors/otp/rules.ts',
		from: "!other.spec.significant || other.state === 'stopped');",
		to: "other.spec.significant || other.state === 'stopped');",
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'supervisor-gives-up-with-its-children-running',
		file: 'supervisors/otp/rule-engine.ts',
		from: 'begin(rules.stopAll(state), () => {',
		to: 'begin(rules.stopAll({ ...state, byId: new Map() }), () => {',
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'limit-of-a-child-ends-nothing',
		file: 'supervisors/otp/rules.ts',
		from: 'if (!decision.allowed || own?.allowed === false) {',
		to: 'if (!decision.allowed) {',
		specs: ['spec/conformance/supervisor.test.ts'],
		only: '^own_budget',
	},
	{
		id: 'restarts-are-not-remembered',
		file: 'supervisors/otp/rules.ts',
		from: `if (own) member.counted = own.restarts;
	yield { effect: 'remember' };`,
		to: 'if (own) member.counted = own.restarts;',
		specs: ['spec/supervisors/otp/budget-file.test.ts'],
		only: '^restarts count on',
	},
	{
		id: 'killed-child-has-ended-as-expected',
		file: 'supervisors/otp/exit-reason.ts',
		from: "return reason === 'normal' || reason === 'shutdown';",
		to: "return typeof reason === 'string';",
		specs: ['spec/supervisors/otp/rules.test.ts'],
	},
	{
		id: 'link-ends-with-a-normal-exit',
		file: 'supervisors/otp/links.ts',
		from: "else if (reason !== 'normal' && !isSupervisor(to)) end(to, reason);",
		to: 'else if (!isSupervisor(to)) end(to, reason);',
		specs: ['spec/supervisors/otp/links.test.ts'],
	},
	{
		id: 'link-of-an-ended-actor-stays',
		file: 'supervisors/otp/links.ts',
		from: 'cut(from, peer);',
		to: '',
		specs: ['spec/supervisors/otp/links.test.ts'],
	},
	{
		id: 'kill-is-trapped',
		file: 'supervisors/otp/links.ts',
		from: "if (reason === 'kill') to.kill();",
		to: "if (reason === 'kill') signal(to, 'killed', from);",
		specs: ['spec/supervisors/otp/links.test.ts'],
	},
	{
		id: 'link-is-one-way',
		file: 'supervisors/otp/links.ts',
		from: 'peersOf(other).add(one);',
		to: '',
		specs: ['spec/supervisors/otp/links.test.ts'],
	},
	{
		id: 'supervisor-ends-with-a-linked-actor',
		file: 'supervisors/otp/links.ts',
		from: "reason !== 'normal' && !isSupervisor(to)) end",
		to: "reason !== 'normal') end",
		specs: ['spec/supervisors/otp/links.test.ts'],
	},
	{
		id: 'monitor-fires-again',
		file: 'supervisors/otp/monitors.ts',
		from: `if (isOver) return;
		created.demonitor();`,
		to: 'created.demonitor();',
		specs: ['spec/supervisors/otp/monitors.test.ts'],
	},
	{
		id: 'monitor-fires-before-it-is-returned',
		file: 'supervisors/otp/monitors.ts',
		from: 'if (isReturned) tell(reason);',
		to: 'if (isReturned || !first) tell(reason);',
		specs: ['spec/supervisors/otp/monitors.test.ts'],
	},
	{
		id: 'death-of-an-earlier-run-fires-a-monitor',
		file: 'supervisors/otp/monitors.ts',
		from: "if (!isOld && (!isSame || state === 'offline')) fire",
		to: "if (!isSame || state === 'offline') fire",
		specs: ['spec/supervisors/otp/monitors.test.ts'],
	},
	{
		id: 'restart-of-a-node-fires-no-monitor',
		file: 'supervisors/otp/monitors.ts',
		from: "if (!isOld && (!isSame || state === 'offline')) fire",
		to: "if (!isOld && state === 'offline') fire",
		specs: ['spec/supervisors/otp/monitors.test.ts'],
	},
	{
		id: 'name-is-taken-from-a-living-actor',
		file: 'supervisors/otp/names.ts',
		from: 'if (owner && owner !== child && isAlive(owner)) return { taken: owner };',
		to: '',
		specs: ['spec/supervisors/otp/names.test.ts'],
	},
	{
		id: 'end-of-an-old-owner-frees-the-name-of-the-new',
		file: 'supervisors/otp/names.ts',
		from: 'if (owners.get(name) === child) owners.delete(name);',
		to: 'owners.delete(name);',
		specs: ['spec/supervisors/otp/names.test.ts'],
	},
	{
		id: 'group-lists-ended-members',
		file: 'supervisors/otp/names.ts',
		from: '[...(groups.get(group) ?? [])].filter(isAlive),',
		to: '[...(groups.get(group) ?? [])],',
		specs: ['spec/supervisors/otp/names.test.ts'],
	},
	{
		id: 'killed-actor-is-fenced-after-its-listeners',
		file: 'supervisors/otp/child.ts',
		from: `this.isFenced = true;
		this.controller?.abort();
		tryToKill(this.ends);
		this.callListeners(reason);`,
		to: `tryToKill(this.ends);
		this.callListeners(reason);
		this.isFenced = true;
		this.controller?.abort();`,
		specs: ['spec/supervisors/otp/child.test.ts'],
	},
	{
		id: 'shutdown-is-asked-for-twice',
		file: 'supervisors/otp/child.ts',
		from: 'if (this.isAsked || this.exitReason !== undefined) return;',
		to: 'if (this.exitReason !== undefined) return;',
		specs: ['spec/supervisors/otp/child.test.ts'],
	},
	{
		id: 'throwing-listener-hides-an-exit-from-the-others',
		file: 'supervisors/otp/child.ts',
		from: 'thrown ??= { error };',
		to: `thrown ??= { error };
				throw error;`,
		specs: ['spec/supervisors/otp/child.test.ts'],
	},
	{
		id: 'second-exit-counts',
		file: 'supervisors/otp/child.ts',
		from: `exit(reason: ExitReason): void {
		if (this.exitReason !== undefined) return;`,
		to: 'exit(reason: ExitReason): void {',
		specs: ['spec/supervisors/otp/child.test.ts'],
	},
	{
		id: 'slow-child-is-never-killed',
		file: 'supervisors/otp/rule-effects.ts',
		from: "typeof shutdown === 'number' ? deadline(",
		to: "typeof shutdown === 'bigint' ? deadline(",
		specs: ['spec/conformance/supervisor.test.ts'],
		only: '^sup_stop_timeout:',
	},
	{
		id: 'child-of-an-ended-supervisor-lives-on',
		file: 'supervisors/otp/rule-effects.ts',
		from: `if (signal.aborted) child.kill();
		else child`,
		to: 'child',
		specs: ['spec/supervisors/otp/child.test.ts'],
	},
	{
		id: 'budget-in-the-future-counts-as-old',
		file: 'supervisors/otp/restart-budget.ts',
		from: 'Math.max(0, now - at));',
		to: 'Math.abs(now - at));',
		specs: ['spec/supervisors/otp/budget-file.test.ts'],
		only: '^restarts count on',
	},
	{
		id: 'damaged-budget-keeps-a-node-from-its-start',
		file: 'supervisors/otp/budget-file.ts',
		from: 'Object.entries(found).filter(([, value]) => isBudget(value))',
		to: 'Object.entries(found)',
		specs: ['spec/supervisors/otp/budget-file.test.ts'],
	},
];
