// ALSA's PCM interface. Imported by Signals only.
#pragma once
#include <alsa/asoundlib.h>

// The library prints what goes wrong to standard error, line by line; its return codes say it too.
static void scangate_alsa_say_nothing(const char *file, int line, const char *function, int code, const char *text, ...) {
    (void)file, (void)line, (void)function, (void)code, (void)text;
}
static inline void scangate_alsa_quiet(void) { snd_lib_error_set_handler(scangate_alsa_say_nothing); }

// One channel of 16 bits, played from the first frame written on. The smaller a period, the sooner a mixer of the
// library (dmix) takes new frames; the buffer holds a whole pattern where the card allows it. `step` says what failed.
static inline int scangate_pcm_set_up(snd_pcm_t *pcm, unsigned *rate, unsigned period_us, unsigned *buffer_us,
                                      const char **step) {
    snd_pcm_hw_params_t *hw = NULL;
    snd_pcm_sw_params_t *sw = NULL;
    int code;
    *step = "memory";
    if ((code = snd_pcm_hw_params_malloc(&hw)) < 0) return code;
    if ((code = snd_pcm_sw_params_malloc(&sw)) < 0) goto done;
    *step = "configuration";
    if ((code = snd_pcm_hw_params_any(pcm, hw)) < 0) goto done;
    *step = "interleaved access";
    if ((code = snd_pcm_hw_params_set_access(pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0) goto done;
    *step = "samples of 16 bits";
    if ((code = snd_pcm_hw_params_set_format(pcm, hw, SND_PCM_FORMAT_S16)) < 0) goto done;
    *step = "one channel";
    if ((code = snd_pcm_hw_params_set_channels(pcm, hw, 1)) < 0) goto done;
    *step = "rate";
    if ((code = snd_pcm_hw_params_set_rate_near(pcm, hw, rate, NULL)) < 0) goto done;
    *step = "period";
    if ((code = snd_pcm_hw_params_set_period_time_near(pcm, hw, &period_us, NULL)) < 0) goto done;
    *step = "buffer";
    if ((code = snd_pcm_hw_params_set_buffer_time_near(pcm, hw, buffer_us, NULL)) < 0) goto done;
    *step = "parameters";
    if ((code = snd_pcm_hw_params(pcm, hw)) < 0) goto done;
    *step = "start";
    if ((code = snd_pcm_sw_params_current(pcm, sw)) < 0) goto done;
    if ((code = snd_pcm_sw_params_set_start_threshold(pcm, sw, 1)) < 0) goto done;
    code = snd_pcm_sw_params(pcm, sw);
done:
    if (sw) snd_pcm_sw_params_free(sw);
    if (hw) snd_pcm_hw_params_free(hw);
    return code;
}
