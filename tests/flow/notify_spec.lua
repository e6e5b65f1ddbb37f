-- haul.notify: hooks that tell somebody, by a request, a command or a mail.
local haul = require "support.haul"
local files = require "support.files"
local json = require "support.json"
local server = require "support.server"

local JOB = [[
local haul = require "haul"
return haul.job { name = "telling", retry = { attempts = 1 },
  haul.copy { from = haul.dir($src) / "", to = haul.dir($dst) / "" $more },
  on = { $on } }
]]

describe("haul.notify", function()
  local world, hook

  before_each(function()
    world, hook = haul.world(), server.webhook()
    files.tree(world:path "src", { a = 10, b = 20 })
    files.mkdir(world:path "dst")
  end)
  after_each(function() world:remove() end)

  local function run(on, more)
    world:job(JOB, { src = world:path "src", dst = world:path "dst", on = { on:gsub("%$(%w+)", {
      url = ("%q"):format(hook.endpoint), dir = ("%q"):format(world.dir), sendmail = ("%q"):format(world:path "sendmail") }) },
      more = { more or "" } })
    return world:run()
  end

  -- A program that keeps its arguments and what it reads.
  local function program(name, status)
    files.write(world:path(name), ("#!/bin/sh\nfor word; do printf '%%s\\n' \"$word\"; done >>%s/words\ncat >>%s/input\nexit %d\n")
      :format(world.dir, world.dir, status or 0))
    assert(os.execute("chmod 700 " .. world:path(name)))
  end

  local function lines(name)
    local list = {}
    for line in (files.read(world:path(name)) or ""):gmatch "[^\n]+" do list[#list + 1] = line end
    return list
  end

  it("sends the event as JSON", function()
    run [[job_finished = haul.notify.webhook { url = $url .. "/status/204", headers = { Authorization = "Bearer hidden" } }]]:expect(0)
    local log = hook:log()
    assert.equal(1, #log)
    assert.same({ "POST", "/status/204", "application/json", "Bearer hidden" },
      { log[1].method, log[1].path, log[1].headers["content-type"], log[1].headers.authorization })
    local event = json.decode(log[1].body)
    assert.same({ "job_finished", "telling", 2, 0, 0 },
      { event.event, event.job, event.summary.objects_done, event.summary.objects_failed, event.summary.exit_status })
  end)

  it("sends a line for a chat, or what a function says", function()
    run([[job_started = haul.notify.webhook { url = $url .. "/echo", body = function(event, job) return job.name .. event.event end },
      job_finished = haul.notify.webhook { url = $url .. "/echo", form = "text" }]]):expect(0)
    local log = hook:log()
    assert.equal("tellingjob_started", log[1].body)
    assert.same({ text = "telling: job finished, all done (2 done, 0 failed)" }, json.decode(log[2].body))
  end)

  it("tries again, and then says so without harm, unless it is required", function()
    local told = run [[job_finished = haul.notify.webhook { url = $url .. "/status/503", attempts = 2 }]]:expect(0)
    assert.equal(2, #hook:log())
    assert.matches("haul.notify.webhook: the answer is HTTP 503", told.stderr)
    told = run [[job_finished = haul.notify.webhook { url = $url .. "/status/403", attempts = 1, required = true }]]:expect(1)
    assert.matches("the answer is HTTP 403", told.stderr)
  end)

  it("runs a command, which reads a text or the event", function()
    program "tell"
    run [[job_finished = haul.notify.command { $dir .. "/tell", "-t", "two words; $(none)" },
      object_succeeded = function(event, job)
        if event.key == "a" then haul.notify.command { $dir .. "/tell", stdin = "event" }(event, job) end
      end]]:expect(0)
    assert.same({ "-t", "two words; $(none)" }, lines "words")
    local said = lines "input"
    assert.same({ "object_succeeded", "a" }, { json.decode(said[1]).event, json.decode(said[1]).key })
    assert.equal("telling: job finished, all done (2 done, 0 failed)", said[2])
    assert.matches("\nobjects      2 done, 0 failed\n", files.read(world:path "input"))
  end)

  it("tells when the command fails", function()
    files.write(world:path "tell", "#!/bin/sh\necho no such user >&2\nexit 3\n")
    assert(os.execute("chmod 700 " .. world:path "tell"))
    local told = run [[job_finished = haul.notify.command { $dir .. "/tell", attempts = 1 }]]:expect(0)
    assert.matches("tell ended with 3: no such user", told.stderr)
  end)

  local function decoded(text)
    files.write(world:path "coded", text)
    return require "support.shell".read("base64 -d <" .. world:path "coded")
  end

  it("sends a mail, in which a key cannot add a header", function()
    program "sendmail"
    os.rename(world:path "src/a", world:path "src/x\nBcc: evil@example.org\n\nétoile")
    run([[object_succeeded = function(event, job)
        if event.key ~= "b" then
          haul.notify.mail { to = "root", sendmail = $sendmail, subject = function(e) return "done: " .. e.key end }(event, job)
        end
      end]]):expect(0)
    assert.same({ "-i", "root" }, lines "words")
    local head, body = files.read(world:path "input"):match "^(.-)\n\n(.*)$"
    assert.is_nil(head:find("\nBcc", 1, true))
    assert.is_nil(head:find("[^\n]" .. ("."):rep(998)))
    local names = {}
    for name in ("\n" .. head):gmatch "\n([%w-]+):" do names[#names + 1] = name end
    assert.same({ "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding" }, names)
    local subject = ""
    for word in head:match "Subject: (.-)\nAuto":gmatch "=%?UTF%-8%?B%?(.-)%?=" do subject = subject .. decoded(word) end
    assert.equal("done: x Bcc: evil@example.org  étoile", subject)
    assert.matches("object       x\nBcc: evil@example.org\n\nétoile", decoded(body), 1, true)
  end)

  it("sends the summary by mail, to several, from somebody", function()
    program "sendmail"
    run([[job_finished = haul.notify.mail { to = { "ops@example.org", "root" }, from = "haul@example.org", sendmail = $sendmail }]])
      :expect(0)
    assert.same({ "-i", "-f", "haul@example.org", "ops@example.org", "root" }, lines "words")
    local said = files.read(world:path "input")
    assert.matches("From: haul@example.org\nTo: ops@example.org, root\nSubject: telling: job finished, all done (2 done, 0 failed)\n",
      said, 1, true)
    assert.matches("exit status  0\n", decoded(said:match "\n\n(.*)$"))
  end)

  for option, reason in pairs {
    ['mail { to = "-oQ/tmp" }'] = "haul.notify.mail: option 'to': \"-oQ/tmp\" is no address",
    ['mail { to = { "a@b", "x y" } }'] = "option 'to': \"x y\" is no address",
    ['mail { to = "a@b\\nBcc: c@d" }'] = "is no address",
    ['mail { to = {} }'] = "a list of 1 to 100, is expected",
    ['mail { from = "a@b" }'] = "option 'to' is missing",
    ['webhook { url = "ftp://x" }'] = "haul.notify.webhook: option 'url'",
    ['webhook { url = "http://x", headers = { a = "b\\nc" } }'] = "option 'headers'",
    ['webhook { url = "http://x", from = "xml" }'] = "unknown option 'from' (did you mean 'form'?)",
    ['command { stdin = "text" }'] = "haul.notify.command: word 1 must be text, not nil",
    ['command { "logger", 5 }'] = "word 2 must be text, not 5",
  } do
    it("refuses " .. option, function()
      assert.matches(reason, run("job_finished = haul.notify." .. option):expect(2).stderr, 1, true)
    end)
  end
end)
