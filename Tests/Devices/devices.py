"""Scanners to plug into a guest: gadgets on its virtual bus, a PL2303 adapter, an FTDI adapter of QEMU's."""
import shlex
import time

from machine import MachineError, connect


class Gadget:
    """A USB device of one or several functions (keyboard, hidpos, acm), at one of 8 ports."""

    def __init__(self, guest, port, functions, vendor_product, serial):
        """serial None: a device without one, as many cheap scanners are."""
        self.guest, self.port, self.functions, self.serial = guest, port, functions, serial
        self.vendor, self.product = vendor_product.split(":")
        self._nodes(guest.sh(f"gadget plug {port} {functions} {self.vendor} {self.product} {serial or '-'}"))

    def _nodes(self, text):
        # By function: where to write what it scans. By kind (event, hidraw, tty): what the guest's kernel made.
        self.ends, self.nodes = {}, {}
        for side, kind, path in map(str.split, text.splitlines()):
            (self.ends if side == "device" else self.nodes)[kind] = path

    @property
    def usb_path(self):
        """Where it is plugged in, as `--match path=` wants it: the host controller and the ports down to it."""
        return f"dummy_hcd.{self.port}-1"

    @property
    def path(self):
        """The serial node's name that stays the same over a re-plug."""
        return f"/dev/serial/by-id/usb-ACME_Scanner_{self.serial}-if00"

    def unplug(self):
        """Surprise removal."""
        self.guest.sh(f"gadget unplug {self.port}")
        self.guest.until(f"! gadget nodes {self.port} | grep -q ^host", "the nodes to go")

    def plug(self):
        """Back in. No sooner than 0.5 s after unplug(), else the driver sees one event."""
        self._nodes(self.guest.sh(f"gadget replug {self.port}; gadget nodes {self.port}"))

    def remove(self):
        self.guest.sh(f"gadget remove {self.port}")

    def send(self, file, **how):
        return send(self.guest, file, self.ends["acm"], **how)

    def type(self, file, options=""):
        """Types a file of the guest's, a label a line, as a job; options are those of tools/type_keys.py."""
        return self.guest.start(f"type_keys.py {options} {self.ends['keyboard']} {shlex.quote(file)}")

    def report(self, file, aim="]Q1"):
        """Sends a file of the guest's as HID-POS reports, a label a line, as a job."""
        return self.guest.start(f"hidpos_reports.py {self.ends['hidpos']} {shlex.quote(file)} {shlex.quote(aim)}")


class Pl2303:
    """A Prolific USB serial adapter, at port 7 unless told otherwise."""

    def __init__(self, guest, serial, port=7):
        self.guest = guest
        self.fifo = f"/run/pl2303-{serial}"
        # Ahead of all else: the driver waits no longer than 100 ms for an answer.
        self.device = guest.start(f"chrt -f 10 pl2303.py --port {port} --serial {serial} --fifo {self.fifo}")
        try:
            guest.until(f"test -e /dev/serial/by-id/*{serial}*", "the adapter's node")
        except MachineError as error:
            said, kernel = self.device.output(), guest.sh("dmesg | tail -n 20")
            raise MachineError(f"{error}\nthe adapter's program said:\n{said}\nthe kernel:\n{kernel}") from None
        self.path = guest.sh(f"echo /dev/serial/by-id/*{serial}*").strip()

    def send(self, file, **how):
        return send(self.guest, file, self.fifo, **how)

    def said(self):
        """What the host has told the adapter: lines "line 9600 8N1", "control DTR RTS", "received HEX"."""
        return self.device.output()


class Ftdi:
    """QEMU's USB serial adapter (0403:6001, driver ftdi_sio); `line` is the scanner's end, a socket of the host's."""

    def __init__(self, guest, serial):
        self.guest, self.serial = guest, serial
        self.socket = guest.machine.directory / f"usb-{serial}.sock"
        self.path = f"/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{serial}-if00-port0"
        guest.machine.qmp("chardev-add", id=f"chardev-{serial}", backend={"type": "socket", "data": {
            "addr": {"type": "unix", "data": {"path": str(self.socket)}}, "server": True, "wait": False}})
        self.plug()

    def plug(self):
        self.guest.machine.qmp("device_add", driver="usb-serial", id=f"usb-{self.serial}", bus="xhci.0",
                               chardev=f"chardev-{self.serial}", serial=self.serial)
        # It is on the bus only while somebody is connected to its socket.
        self.line = connect(self.socket, 5)
        self.guest.until(f"test -e {self.path}", self.path)

    def unplug(self):
        """Surprise removal; returns when the node is gone."""
        self.guest.machine.qmp("device_del", id=f"usb-{self.serial}")
        self.line.close()
        self.guest.until(f"! test -e {self.path}", f"{self.path} to go")
        time.sleep(0.5)


def send(guest, file, end, gap_ms=0, ack=False, kill=0):
    """A job that sends a file of the guest's: without pause, with one after each line, or waiting for each answer.

    kill N: right after every Nth answer the daemon is killed.
    """
    if gap_ms or ack:
        options = f"--gap-ms {gap_ms} --kill {kill}" + " --ack" * ack
        return guest.start(f"send_lines.py {options} {shlex.quote(file)} {end}")
    return guest.start(f"cat {shlex.quote(file)} >{end}")


class Camera:
    """A camera: v4l2loopback's node /dev/videoN, and what it shows."""

    def __init__(self, guest, number=10):
        self.guest, self.number, self.path = guest, number, f"/dev/video{number}"

    @staticmethod
    def plug(guest, count=1, first=10):
        """Makes cameras, numbered from `first`."""
        numbers = ",".join(str(first + i) for i in range(count))
        guest.sh(f"modprobe v4l2loopback devices={count} video_nr={numbers} && udevadm settle")
        return [Camera(guest, first + i) for i in range(count)]

    def show(self, *steps, fourcc="GREY", rate=5):
        """A job that shows pictures: each step is a picture and for how many frames, 0 until the job is stopped."""
        width, height = steps[0][0].width, steps[0][0].height
        files = []
        for picture, count in steps:
            path = f"/run/frame-{self.number}-{len(files)}"
            self.guest.write(path, picture.frame(fourcc))
            files.append(f"{path}:{count}")
        job = self.guest.start(f"show_frames.py {self.path} {width} {height} {fourcc} {rate} {' '.join(files)}")
        job.wait_for("showing")
        return job


class HDMIInput:
    """A camera that is an HDMI input: vivid's, /dev/video20, into which its own output is plugged."""

    path, output = "/dev/video20", "/dev/video21"

    def __init__(self, guest):
        self.guest, self.files = guest, 0
        # Without scalers, which a receiver has not: a picture has the size of what comes in.
        guest.sh("modprobe vivid n_devs=1 node_types=0x101 vid_cap_nr=20 vid_out_nr=21 num_inputs=1 input_types=0x3 "
                 "num_outputs=1 output_types=0x1 ccs_cap_mode=0 ccs_out_mode=0 && udevadm settle")
        # 60 frames a second are more than the machine can show, and vivid writes its settings over the picture.
        guest.sh(f"camera_control.py {self.path} 'Percentage of Dropped Buffers' 80 && "
                 f"camera_control.py {self.path} 'OSD Text Mode' 2")

    def send(self, picture):
        """A job that sends a picture; one of another size changes the input's format."""
        self.files += 1
        path = f"/run/hdmi-{self.files}"
        self.guest.write(path, picture.frame("GREY"))
        job = self.guest.start(f"hdmi_source.py {self.path} {self.output} {picture.width} {picture.height} {path}")
        job.wait_for("sending")
        return job

    def pull(self):
        """No signal any more."""
        self.guest.sh(f"hdmi_source.py {self.path} {self.output}")
